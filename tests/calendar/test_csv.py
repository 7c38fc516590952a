"""A calendar as a file, however a spreadsheet saves it."""

from __future__ import annotations

from typing import Any

import pytest

from postboost_provider.api.errors import PostBoostConfigError
from postboost_provider.calendar.csv import COLUMNS, read_csv, read_rows


def cells(text: str) -> list[tuple[str, dict[str, Any]]]:
    return read_csv(text.encode(), "plan.csv")


def refused(content: bytes | str, code: str) -> str:
    with pytest.raises(PostBoostConfigError) as caught:
        read_csv(content if isinstance(content, bytes) else content.encode(), "plan.csv")
    assert (caught.value.field, caught.value.code) == ("rows", code)
    return str(caught.value)


def test_a_file_is_its_rows_by_column_in_any_order():
    assert cells("text,key,accounts\nHello,monday,@acme\nBye,tuesday,12\n") == [
        ("line 2", {"text": "Hello", "key": "monday", "accounts": "@acme"}),
        ("line 3", {"text": "Bye", "key": "tuesday", "accounts": "12"}),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_file_is_read_however_a_spreadsheet_saves_it(end, mark, delimiter):
    lines = [" key ,accounts,text", "monday,@acme,Grüße 🚀", "tuesday,12,Bye"]
    text = mark + "".join(line.replace(",", delimiter) + end for line in lines)
    assert cells(text) == [
        ("line 2", {"key": "monday", "accounts": "@acme", "text": "Grüße 🚀"}),
        ("line 3", {"key": "tuesday", "accounts": "12", "text": "Bye"}),
    ]


def test_commas_need_no_quotes_where_semicolons_separate():
    assert cells('key;accounts;text\nmonday;"@a;@b";Hello, you\n')[0][1] == {
        "key": "monday",
        "accounts": "@a;@b",
        "text": "Hello, you",
    }


def test_the_separator_is_seen_below_empty_lines():
    assert cells("\n \nkey;accounts;text\nmonday;@a;Hello, you\n")[0][1]["text"] == "Hello, you"


def test_semicolons_in_a_cell_do_not_make_them_the_separator():
    assert cells("key,accounts,text\nmonday,@a;@b,Hello\n")[0][1]["accounts"] == "@a;@b"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_quoted_text_may_have_lines_and_the_rows_after_it_keep_their_line_numbers(end):
    text = end.join(
        ["key,accounts,text", 'monday,@a,"One', "", 'three ""quoted"""', "", "tuesday,@a,Bye", ""]
    )
    assert cells(text) == [
        ("line 2", {"key": "monday", "accounts": "@a", "text": f'One{end}{end}three "quoted"'}),
        ("line 6", {"key": "tuesday", "accounts": "@a", "text": "Bye"}),
    ]


def test_empty_lines_are_not_rows():
    assert [place for place, _ in cells("\n\nkey,accounts,text\n\n,,\n  ,\nmonday,@a,Hello\n\n")] == [
        "line 7"
    ]


def test_a_calendar_with_only_a_header_has_no_rows():
    assert cells("key,accounts,text\n") == []


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", " , \n"])
def test_the_error_for_an_empty_file_lists_the_columns(content):
    assert ", ".join(COLUMNS) in refused(content, "empty")


@pytest.mark.parametrize(
    "header, code, named",
    [
        ("key,accounts,texts", "unknown_column", "'texts' (did you mean text?)"),
        ("key,accounts,text,Mode,", "unknown_column", "'Mode' (did you mean mode?)"),
        (
            "Key,acount,text,x",
            "unknown_column",
            "'Key' (did you mean key?), 'acount' (did you mean accounts?), 'x'.",
        ),
        ("key|accounts|text", "unknown_column", "'key|accounts|text'"),
        ("key,accounts,txt:youtube", "unknown_column", "'txt:youtube' (did you mean text:youtube?)"),
        ("key,accounts,text,text_x", "unknown_column", "'text_x' (did you mean text:x?)"),
        ("key,First comment:x", "unknown_column", "'First comment:x' (did you mean first_comment:x?)"),
        ("key,accounts,words", "unknown_column", "media:linkedin_page"),
        ("key,text,accounts,text,key", "repeated_column", "key, text"),
        ("key,text", "missing_column", "accounts"),
        ("publish_at", "missing_column", "key, accounts, text"),
    ],
)
def test_a_header_that_would_lose_something_is_refused(header, code, named):
    assert named in refused(f"{header}\n", code)


@pytest.mark.parametrize(
    "text, line",
    [
        ('key,accounts,text\nmonday,@a,Hello\ntuesday,@a,"Bye\nwednesday,@a,x\n', 3),
        ('key,accounts,text\nmonday,@a,"Two\nlines"\n\ntuesday,@a,"Bye\n', 5),
        ('key,accounts,text\nmonday,@a,"Hello"!\n', 2),
        ('key,"accounts,text\nmonday,@a,Hello\n', 1),
    ],
)
def test_a_quote_that_is_never_closed_is_named_by_the_line_where_its_row_begins(text, line):
    assert f"plan.csv, line {line}:" in refused(text, "not_csv")


@pytest.mark.parametrize(
    "line, count", [("monday,@a", 2), ("monday,@a,Hello, you", 4), ("monday,@a,Hello,", 4), ("monday", 1)]
)
def test_a_row_with_another_number_of_cells_is_a_problem_of_only_that_row(line, count):
    bad, good = read_rows(cells(f"key,accounts,text\n{line}\ntuesday,@b,Bye\n"), None)
    problem = bad.problems[0]
    assert (problem.code, problem.field) == ("cells", "")
    assert f"{count} cells" in str(problem)
    assert [problem.code for problem in good.problems] == ["missing_time"]


def test_the_separator_that_needs_quotes_is_named():
    (bad,) = read_rows(cells("key;accounts;text\nmonday;@a;Hello; you\n"), None)
    assert "semicolons" in str(bad.problems[0])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("lines", [1, 3])
def test_a_file_that_is_not_utf_8_is_named_with_line_and_byte(mark, lines):
    content = mark + b"key,accounts,text\n" + b"monday,@a,Hello\n" * (lines - 1) + b"tuesday,@a,Gr\xfc\xdfe\n"
    assert f"line {lines + 1}: byte 0xfc" in refused(content, "not_utf8")


def test_a_spreadsheet_itself_is_not_utf_8():
    assert "line 1: byte 0x" in refused(b"PK\x03\x04\xff\xfe\x00\x01", "not_utf8")


@pytest.mark.parametrize(
    "text",
    [
        "key\taccounts\ttext\nmonday\t@a\tHello, you\n",
        "key,accounts,text,,\nmonday,@a,Hello; you,,\n",
        "key,accounts,text,\nmonday,@a,Hello; you\n",
    ],
    ids=["tabs", "empty columns", "an empty column that rows leave out"],
)
def test_what_spreadsheets_write_is_read(text):
    (row,) = read_rows(cells(text), None)
    assert (row.key, row.post.accounts, row.post.text[:5]) == ("monday", ("@a",), "Hello")
    assert [p.field for p in row.problems] == ["publish_at"]
