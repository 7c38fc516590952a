"""One sequence: an intention, the attempts that were made for it, everything that went wrong, and what became of it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.faults import switches as drawn_switches
from tests.faults.airflow_side import TaskInstance
from tests.faults.checker import FALSE_FAILURE, STUCK, Judgement, Rules, Verdict
from tests.faults.excuses import BEYOND_MEMORY, KEY_KEPT_FOR, LOG_KEPT_FOR, is_excused
from tests.faults.families import FAMILIES, Family
from tests.faults.proxy import Proxy
from tests.faults.schedule import Schedule
from tests.faults.world import Outcome, World

DAY = 86_400
GAPS = {"0": 0, "61 s": 61, "25 h": 25 * 3600, "8 d": 8 * DAY, "91 d": 91 * DAY, "400 d": 400 * DAY}
LONG_GAPS = ("25 h", "8 d", "91 d", "400 d")
# A refusal of PostBoost's, as far as a client can tell: that a task fails for good is right.
HONEST_FAULTS = frozenset({"success false"})
# With these an older attempt says that a newer one may have lost its words, or has.
HAVE_SAID_SO = ("overtaken", "Unconfirmed")
FINAL_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What kind of sequences to draw.

    :param kill: every sequence has a kill.
    :param race: every sequence has overlapping attempts.
    :param families: only these.
    """

    part: str = "sequences"
    kill: float = 0.05
    race: float = 0.15
    gap: float = 0.35
    person: float = 0.05
    calm: float = 0.2
    families: tuple[str, ...] = ()
    # Each family with each gap, one after another, and not at random.
    each: bool = False


@dataclass
class Result:
    """What became of a sequence."""

    seed: int
    part: str
    family: str
    switches: dict[str, Any]
    story: list[str] = field(default_factory=list)
    faults: int = 0
    kinds: set[str] = field(default_factory=set)
    attempts: int = 0
    kills: int = 0
    races: int = 0
    ended: str = ""
    judgement: Judgement = field(default_factory=Judgement)

    def note_faults(self, proxy: Proxy) -> None:
        """Take what the proxy has noted since the last time."""
        self.story += proxy.log
        self.faults += len(proxy.faults)
        self.kinds |= {fault.kind for fault in proxy.faults}
        proxy.log, proxy.faults = [], []


class Sequence:
    """Draws a sequence from its seed, and runs it."""

    def __init__(self, world: World, seed: int, plan: Plan) -> None:
        self.rng = random.Random(f"{plan.part}-{seed}")
        random.seed(seed)
        self.world, self.plan, self.seed = world, plan, seed
        rng = self.rng
        chosen = [each for each in FAMILIES if not plan.families or each.name in plan.families]
        self.gap = ""
        if plan.each:
            pairs = [(each, gap) for gap in LONG_GAPS for each in dict.fromkeys(chosen)]
            family, self.gap = pairs[seed % len(pairs)]
        else:
            family = rng.choice(chosen)
        switches = {**drawn_switches.draw(rng), **family.switches}
        skew = timedelta(minutes=rng.choice([0] * 6 + [-4, -1, 3, 6]))
        world.reset(switches, skew)
        self.result = Result(seed, plan.part, family.name, switches)
        rules = Rules(
            alters_texts="text_processing" in switches or "normalize_texts" in switches,
            needs_approval="approval_required_for" in switches,
            invents_statuses="unknown_status" in switches,
            reencodes="image_processing" in switches,
            skew=skew,
            switches=frozenset(switches),
        )
        self.ti = TaskInstance(has_store=rng.random() < 0.6)
        world.anchor = self.ti.anchor
        self.family: Family = family(world, rng, rules)
        if family.may_be_blind and rng.random() < 0.12:
            world.connect_blind()
            self.family.be_blind()
        self.rate = rng.choice([0.05, 0.15, 0.3, 0.6])
        self.began = world.time.now()
        self.doubts: list[tuple[Outcome, list[str]]] = []
        self._say(
            f"seed {seed}: {family.name}; switches {switches}; server clock {skew}; store {self.ti.has_store}; {self.family.words}"
        )

    def run(self) -> Result:
        number = self.rng.randint(2 if self.gap else 1, 5)
        last: Outcome | None = None
        for _ in range(number):
            if last is not None:
                self._between()
            last = self._attempt_once(last)
        self._finish()
        self.result.judgement.intended, self.result.judgement.found = self.family.count()
        return self.result

    def _between(self) -> None:
        rng = self.rng
        if rng.random() < self.plan.gap:
            gap = self.gap or rng.choice(sorted(GAPS))
            self.gap = ""
            self.world.pass_time(GAPS[gap])
            self._say(f"  {gap} pass, it is {self.world.time.now():%Y-%m-%d %H:%M}")
        if self.family.edits and rng.random() < 0.3:
            self.family.edit()
            self._say(f"  edit: {self.family.words}")
        if rng.random() < self.plan.person and (act := self.family.act_of_person(rng)):
            self._say(f"  {act}")

    def _attempt_once(self, last: Outcome | None) -> Outcome:
        rng = self.rng
        if last is not None and last.kind in ("green", "hard"):
            if self.family.new_runs and rng.random() < 0.5:
                self.ti.start_run(f"scheduled__{self.result.attempts + 1}")
                self.world.anchor = self.ti.anchor
                self._say("  the next run of the DAG")
            else:
                self.ti.clear()
                self._say("  the task is cleared")
        calm = rng.random() < self.plan.calm
        schedule = Schedule(
            f"{self.seed}/{self.result.attempts}", 0.0 if calm else self.rate, rng.choice([1, 2, 4, 99])
        )
        kind = rng.random()
        if kind < self.plan.kill and self.family.can_be_killed:
            return self._killed(schedule)
        if self.plan.kill <= kind < self.plan.kill + self.plan.race and self.family.can_race:
            return self._race(schedule)
        return self._one(schedule)

    def _one(self, schedule: Schedule) -> Outcome:
        self.result.attempts += 1
        context, words = self.ti.context(), self.family.words
        outcome = self.world.attempt(self.family.with_words(), context, schedule=schedule)
        self._ended(outcome, words, schedule)
        return outcome

    def _killed(self, schedule: Schedule) -> Outcome:
        self.result.attempts += 1
        words, rng = self.family.words, self.rng
        when: dict[str, Any] = (
            {"kill_after": rng.uniform(0.005, 0.15)}
            if rng.random() < 0.3
            else {"kill_at": (rng.randint(1, 9), rng.choice(["before", "after"]))}
        )
        self._say(f"  in a process that is killed: {when}")
        outcome = self.world.attempt_in_child(self.family.with_words(), self.ti, schedule=schedule, **when)
        self.result.kills += outcome.kind == "killed"
        self._ended(outcome, words, schedule)
        return outcome

    def _race(self, schedule: Schedule) -> Outcome:
        """Two or three attempts at once: a zombie, and what came after it."""
        rng, count = self.rng, self.rng.choice([2, 2, 2, 3])
        self.result.races += 1
        makes: list[Callable[[str], Any]] = []
        words, contexts, schedules = (
            [],
            [],
            [schedule, *(Schedule(f"{self.seed}/{n}/calm") for n in range(2))],
        )
        for number in range(count):
            if number and self.family.edits and rng.random() < 0.5:
                self.family.edit()
            makes.append(self.family.with_words())
            words.append(self.family.words)
            contexts.append(self.ti.context(next_try=not number or rng.random() < 0.5))
        self.result.attempts += count
        self._say(f"  {count} attempts at once, with: " + " | ".join(map(str, words)))
        outcomes: list[Outcome | None] = [None] * count
        claims: list[list[Verdict]] = [[] for _ in range(count)]
        stalls = rng.random() < 0.3
        pause = rng.choice([0, 0, 61, 1800]) if stalls else 0
        self.world.proxy.turns.begin(count, f"{self.seed}/{self.result.attempts}", stalls=stalls)
        if stalls:
            self._say(f"  the first one hangs until the others have ended, and for {pause} s more")

        def run(lane: int) -> None:
            self.world.proxy.turns.wait_to_begin(lane)
            if lane:
                self.world.time.pass_time(5)
            # Airflow starts an attempt before it renders what the task's author wants.
            contexts[lane]["ti"].start_date = self.world.time.now()
            outcome = outcomes[lane] = self.world.attempt(
                makes[lane], contexts[lane], lane=lane, schedule=schedules[lane]
            )
            if outcome.kind == "green":
                # Now, while the others wait for their turn: its own words are true, or those of an attempt that began later.
                claims[lane] = self._claims(words[lane:], outcome)
            if lane == count - 1:
                self.world.time.pass_time(pause)
            self.world.proxy.turns.end(lane)

        threads = [threading.Thread(target=run, args=(lane,)) for lane in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ended = [outcome or Outcome("crash", message="the thread died") for outcome in outcomes]
        self._flush()
        for lane, outcome in enumerate(ended):
            self._say(f"    [{lane}] {outcome}")
        self._note(self.family.check_always())
        for claim in claims:
            self._note(claim)
        # An older attempt that ended later must not have replaced the newest words, unless it failed and said so.
        newest = [o for o, each in zip(ended, words, strict=True) if each == words[-1] and o.kind == "green"]
        others = [o for o, each in zip(ended, words, strict=True) if each != words[-1]]
        if newest and not any(said in other.code for said in HAVE_SAID_SO for other in others):
            self._note(self.family.check_green(words[-1], newest[-1]))
        for lane, outcome in enumerate(ended):
            self._doubt(outcome, words[lane], schedules[lane], is_race=True)
        return ended[-1]

    def _claims(self, words: list[Any], outcome: Outcome) -> list[Verdict]:
        """Return what is false of a green task, judged by whichever of these words fits."""
        return min((self.family.check_green(each, outcome) for each in words), key=len)

    def _ended(self, outcome: Outcome, words: Any, schedule: Schedule) -> None:
        self._flush()
        self._say(f"  attempt {self.result.attempts}: {outcome}")
        if outcome.kind == "green":
            self._note(self.family.check_green(words, outcome))
        self._note(self.family.check_always())
        self._doubt(outcome, words, schedule)

    def _doubt(self, outcome: Outcome, words: Any, schedule: Schedule, *, is_race: bool = False) -> None:
        """Keep a failure for good that a fault may have caused: at the end it shows whether a retry had been of use."""
        if outcome.kind == "crash":
            self._note([Verdict(FALSE_FAILURE, f"an error that is not the package's: {outcome}")])
        kinds = [fault.kind for fault in schedule.drawn]
        if outcome.kind != "hard" or self._may_fail(outcome, words):
            return
        if not kinds and not is_race:
            self._note([Verdict(FALSE_FAILURE, f"nothing was in the way: {outcome}")])
        elif not HONEST_FAULTS & set(kinds):
            self.doubts.append((outcome, kinds))

    def _finish(self) -> None:
        """The last attempt, with nothing in its way; and again, while it asks for a retry."""
        self.world.proxy.deliver_held()
        for number in range(FINAL_ATTEMPTS):
            if number == 0:
                self.ti.clear()
            outcome = self._one(Schedule("calm"))
            if outcome.kind != "soft":
                break
            self.world.pass_time(3600)
        self.result.ended = outcome.kind
        if outcome.kind == "soft" and not self._may_fail(outcome, self.family.words):
            self._note([Verdict(STUCK, f"{FINAL_ATTEMPTS} attempts without any fault: {outcome}")])
        if outcome.kind == "green":
            for doubt, kinds in self.doubts:
                self._note([Verdict(FALSE_FAILURE, f"a retry would have helped, after {kinds}: {doubt}")])

    def _may_fail(self, outcome: Outcome, words: Any) -> bool:
        """Whether the failure is right whatever was in the way: it has the code for what was drawn."""
        memory = KEY_KEPT_FOR if self.family.is_blind else LOG_KEPT_FOR
        is_forgotten = outcome.code == BEYOND_MEMORY and self.world.time.now() - self.began > memory
        return (
            is_forgotten
            or is_excused(outcome.code, self.result.switches)
            or self.family.may_fail(outcome, words)
        )

    def _flush(self) -> None:
        self.result.note_faults(self.world.proxy)

    def _note(self, verdicts: list[Verdict]) -> None:
        for verdict in verdicts:
            self._say(f"  !! {verdict}")
        known = {v.kind for v in self.result.judgement.verdicts}
        self.result.judgement.add(v for v in verdicts if v.kind not in known)

    def _say(self, line: str) -> None:
        self.result.story.append(line)
