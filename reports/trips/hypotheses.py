"""Plays the requests of a run to imagined gateways of so many instances: how likely is it that they answer as it did?

Each instance has a breaker of its own, which follows the rule, and each request goes to a random instance. Of every
number of instances PLAYS gateways are played. In half of them all instances get equally many requests; in the others
some get more than others, as happens if clients keep their connections. A gateway that would have answered a request
otherwise than the run shows loses its weight to the others of its number (a particle filter), and the weight that all
of a number kept is its likelihood. The random numbers have a fixed seed, so the same run gives the same result.

Instants are in seconds. Arrays of instances have the shape (numbers, PLAYS, instances).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from reports.trips.answers import Mask

__all__ = ["Course", "Fit", "Floats", "Hypotheses", "Indexes"]

PLAYS = 256
UNEVEN = 3.0
"""Shape of the gamma distribution of uneven shares: their standard deviation is about 60 % of their mean."""
MISTAKE = 1e-3
"""The probability of an outcome that contradicts the breaker's state, because requests overtook one another."""
EDGE_S = 0.003
"""The instant of a reset is known to within this, apart from how late the gateway is."""
SLACK, LATE_SHARE, LATE_S = 1.02, 0.05, 0.1
"""Half of the gateways are late with every reset: by a factor up to SLACK, and by up to LATE_SHARE of the open time."""
LEAST_VARIANCE = 4.0
"""Added to the variance of the number of sheds, because a few requests overtake one another in any run."""
AT_ONCE = 20
"""How many requests are weighed at once, so that expectations follow what was seen."""
HOPELESS = 30.0
"""A number whose log-likelihood is less than the best by this much is not played any further."""

Floats = npt.NDArray[np.float64]
Indexes = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Course:
    """The requests that met one backend's breakers, and the rule. Instants in seconds.

    `admitted`: when each request met a breaker, shape (n,), ascending; `shed`: whether it was refused. `failed`: when
    each failure reached the gateway, shape (m,), ascending; `sent`: when its request had met a breaker; `open_s`: how
    long a breaker stays open if this failure trips it.
    """

    admitted: Floats
    shed: Mask
    failed: Floats
    sent: Floats
    open_s: Floats
    count: int
    interval_s: float


@dataclass(frozen=True)
class Fit:
    """How well each number of instances fits a course, as arrays of shape (most,), by number - 1.

    `log_likelihood`: numbers that were given up have HOPELESS less than the best. `misfits`: how many outcomes no
    breaker under the rule would have given, as the mean over the gateways of this number. `deviation`: how far the
    number of sheds was from the expected one, at most, in standard deviations.
    """

    log_likelihood: Floats
    misfits: Floats
    deviation: Floats


class Hypotheses:
    """The imagined gateways of 1 to `most` instances while they play one course."""

    def __init__(self, most: int, course: Course) -> None:
        self._course = course
        self._rng = np.random.default_rng(0)
        self._numbers: Indexes = np.arange(1, most + 1)
        self._log_likelihood, self._misfits = np.zeros(most), np.zeros(most)
        self._excess, self._variance, self._farthest = np.zeros(most), np.zeros(most), np.zeros(most)
        shape = (most, PLAYS, most)
        share = self._rng.standard_gamma(UNEVEN, shape)
        share[:, ::2] = 1.0
        share *= np.arange(most) < self._numbers[:, None, None]
        self._share: Floats = share / share.sum(axis=-1, keepdims=True)
        is_late = np.broadcast_to(np.arange(PLAYS) % 4 >= 2, shape[:2])
        self._factor: Floats = np.where(is_late, self._rng.uniform(1 / SLACK, SLACK, shape[:2]), 1.0)
        self._late: Floats = np.where(is_late, self._rng.uniform(0, LATE_SHARE, shape[:2]), 0.0)
        self._opened: Floats = np.full(shape, -np.inf)
        self._until: Floats = np.full(shape, -np.inf)
        # The last failures that each breaker counted, the oldest at the place that the next one takes.
        self._counted: Floats = np.full((*shape, course.count), -np.inf)
        self._next: Indexes = np.zeros(shape, dtype=np.intp)
        self._weight: Floats = np.full(shape[:2], 1 / PLAYS)

    def play(self) -> Fit:
        """Play the course, and return how well each number fits it."""
        course = self._course
        cuts = [0, *np.searchsorted(course.admitted, course.failed).tolist(), len(course.admitted)]
        for index, (begin, end) in enumerate(pairwise(cuts)):
            self._see(course.admitted[begin:end], course.shed[begin:end])
            if index < len(course.failed):
                self._fail(float(course.sent[index]), float(course.failed[index]), float(course.open_s[index]))
        played = self._numbers - 1
        given_up = np.ones(len(self._log_likelihood), dtype=bool)
        given_up[played] = False
        self._log_likelihood[given_up] = self._log_likelihood[played].max() - HOPELESS
        deviation = self._farthest / np.sqrt(self._variance + LEAST_VARIANCE)
        return Fit(self._log_likelihood, self._misfits, deviation)

    def _see(self, admitted: Floats, shed: Mask) -> None:
        """Weigh the gateways by the outcomes of requests between two failures."""
        begin = 0
        while begin < len(admitted):
            at = float(admitted[begin])
            end = max(int(np.searchsorted(admitted, self._next_change(at))), begin + 1)
            end = min(end, begin + AT_ONCE)
            sheds = int(shed[begin:end].sum())
            self._weigh(at, sheds, end - begin - sheds)
            begin = end

    def _next_change(self, at: float) -> float:
        """Return the next instant at which a breaker's state changes without a failure."""
        early, late = self._until - EDGE_S, self._until + EDGE_S
        return float(np.where(early > at, early, np.where(late > at, late, np.inf)).min())

    def _open(self, at: float) -> Floats:
        """Return the probability that each breaker that has opened by then is open at an instant: 1/2 at its reset."""
        openness: Floats = 0.5 * (at < self._until - EDGE_S) + 0.5 * (at < self._until + EDGE_S)
        return openness

    def _weigh(self, at: float, sheds: int, answers: int) -> None:
        """Weigh each gateway by how likely it gives so many sheds and answers while no state changes."""
        chance = np.clip((self._share * self._open(at)).sum(axis=-1), MISTAKE, 1 - MISTAKE)
        self._compare(chance, sheds, sheds + answers)
        logs = np.log(self._weight) + sheds * np.log(chance) + answers * np.log1p(-chance)
        most = logs.max(axis=1, keepdims=True)
        kept = np.exp(logs - most)
        total = kept.sum(axis=1, keepdims=True)
        self._weight = np.maximum(kept / total, 1e-300)
        self._log_likelihood[self._numbers - 1] += (most + np.log(total))[:, 0]
        odd = sheds * (chance <= 2 * MISTAKE) + answers * (chance >= 1 - 2 * MISTAKE)
        self._misfits[self._numbers - 1] += (self._weight * odd).sum(axis=1)
        self._give_up()
        for row in np.flatnonzero((self._weight**2).sum(axis=1) > 2 / PLAYS):
            self._resample(int(row))

    def _compare(self, chance: Floats, sheds: int, requests: int) -> None:
        """Compare the sheds with as many as were expected before they were seen, since the beginning of the course."""
        places = self._numbers - 1
        mean = (self._weight * chance).sum(axis=1)
        spread = (self._weight * (chance - mean[:, None]) ** 2).sum(axis=1)
        self._excess[places] += sheds - requests * mean
        self._variance[places] += requests * mean * (1 - mean) + requests * (requests - 1) * spread
        self._farthest[places] = np.maximum(self._farthest[places], np.abs(self._excess[places]))

    @property
    def _parts(self) -> tuple[npt.NDArray[np.generic], ...]:
        return self._share, self._factor, self._late, self._opened, self._until, self._counted, self._next

    def _give_up(self) -> None:
        """Drop the numbers that are hopeless."""
        reached = self._log_likelihood[self._numbers - 1]
        keep = reached > reached.max() - HOPELESS
        if keep.all():
            return
        self._numbers, self._weight = self._numbers[keep], self._weight[keep]
        self._share, self._factor, self._late = self._share[keep], self._factor[keep], self._late[keep]
        self._opened, self._until = self._opened[keep], self._until[keep]
        self._counted, self._next = self._counted[keep], self._next[keep]

    def _resample(self, row: int) -> None:
        """Replace the gateways of one number that lost their weight by copies of those that kept it."""
        places = (np.arange(PLAYS) + self._rng.random()) / PLAYS
        chosen = np.minimum(np.searchsorted(np.cumsum(self._weight[row]), places), PLAYS - 1)
        for part in self._parts:
            part[row] = part[row, chosen]
        self._weight[row] = 1 / PLAYS

    def _fail(self, sent: float, at: float, open_s: float) -> None:
        """Let a failure arrive at an instance that had admitted its request, and trip the breaker if it is due."""
        closed = self._share * (1 - self._open(sent) * (self._opened <= sent))
        sums = closed.cumsum(axis=-1)
        some = sums[..., -1] > 0
        drawn = self._rng.random(some.shape)[..., None] * sums[..., -1:]
        instance = np.minimum((sums <= drawn).sum(axis=-1), closed.shape[-1] - 1)
        row, play = np.indices(instance.shape)
        every = row, play, instance
        # It had reset, if its reset is not known more closely.
        reset = some & (self._opened[every] <= sent) & (self._until[every] > sent)
        self._until[row[reset], play[reset], instance[reset]] = sent
        counts = some & (at >= self._until[every])
        rows, plays, instances = row[counts], play[counts], instance[counts]
        self._counted[rows, plays, instances, self._next[rows, plays, instances]] = at
        following = (self._next[rows, plays, instances] + 1) % self._course.count
        self._next[rows, plays, instances] = following
        trips = self._counted[rows, plays, instances, following] > at - self._course.interval_s
        self._trip(rows[trips], plays[trips], instances[trips], at, open_s)

    def _trip(self, rows: Indexes, plays: Indexes, instances: Indexes, at: float, open_s: float) -> None:
        late_s = np.minimum(self._late[rows, plays] * open_s, LATE_S)
        self._opened[rows, plays, instances] = at
        self._until[rows, plays, instances] = at + open_s * self._factor[rows, plays] + late_s
        self._counted[rows, plays, instances] = -np.inf
