"""Bayesian estimate of the packing time's lognormal distribution from interval-censored polls."""

from __future__ import annotations

import math
from statistics import NormalDist

from attrs import define, field

__all__ = ["PackingTimeModel"]

GUESS, SPREAD = 10.0, 0.7
"""Prior medians: e^mu = 10 s, sigma = 0.7. ASSUMPTION: not measured; two prior deviations span 0.2 s to 9 min."""
DOUBT = 4.0, 0.16
"""Prior variances of mu (deviation 2: a factor of 7 either way) and of ln sigma (deviation 0.4: a factor of 1.5)."""
KEPT = 256
"""Effective sample size at most: var(mu) >= sigma^2 / 256, so that a change of the service's speed is followed."""
FIRST = 64
"""Polls that are fitted jointly (batch Fisher scoring) before the recursive update takes over."""
ROUNDS = 2
"""Scoring steps per new poll while fitting jointly: each starts from the last fit, close to the optimum."""
NARROWEST, WIDEST = 0.03, 3.0
"""Bounds of sigma."""
STEP = 1.0
"""Largest change of mu or ln sigma in one update: a factor of e."""
EARLIEST, LATEST = -6.0, 30.0
"""Bounds of z: beyond them the hazard is numerically 0, or 1 - Phi(z) underflows."""
HALVINGS = 20
"""Bisection steps: a millionth of the bracket."""
NORMAL = NormalDist()


@define
class PackingTimeModel:
    """Posterior of theta = (mu, ln sigma), packing times being lognormal, in seconds from the first request.

    Attributes:
        known: whether at least one package was found ready.
    """

    known: bool = False
    _mu: float = math.log(GUESS)
    _sigma: float = SPREAD
    _covariance: tuple[float, float, float] = (DOUBT[0], 0.0, DOUBT[1])
    _first_polls: list[tuple[float, float, bool]] = field(factory=list)

    @property
    def estimate(self) -> tuple[float, float]:
        """The point estimate (mu, ln sigma)."""
        return self._mu, math.log(self._sigma)

    def distance(self, estimate: tuple[float, float]) -> float:
        """Return the maximum norm of the difference between an earlier estimate and the present one."""
        return max(abs(self._mu - estimate[0]), abs(math.log(self._sigma) - estimate[1]))

    def update(self, pending_at: float, age: float, ready: bool) -> None:
        """Update the estimate by one poll.

        Args:
            pending_at: age in seconds at which the package was last found pending; 0 for none.
            age: its age at this poll.
            ready: whether it was ready.
        """
        self.known = self.known or ready
        if age <= pending_at:
            return
        if len(self._first_polls) < FIRST:
            self._first_polls.append((pending_at, age, ready))
            for _ in range(ROUNDS):
                self._fit_jointly()
        else:
            self._update_recursively(*self._score(pending_at, age, ready))

    def _score(self, pending_at: float, age: float, ready: bool) -> tuple[float, float, float, float]:
        """Return g = grad ln q (two numbers), the information's weight q / (1 - q), and the score's factor of g."""
        if ready and self._z(age) <= EARLIEST:
            pending_at = 0.0  # both ages are far below the distribution, q = 0/0: condition on nothing instead
        q = min(max(self._survival(age) / self._survival(pending_at), 1e-12), 1.0 - 1e-12)
        before, after = self._gradient(pending_at), self._gradient(age)
        weight = q / (1.0 - q)
        return after[0] - before[0], after[1] - before[1], weight, -weight if ready else 1.0

    def _fit_jointly(self) -> None:
        """Do one Fisher scoring step over all first polls: theta += (P + sum I)^-1 (P (theta_0 - theta) + sum u)."""
        a, b, c = 1 / DOUBT[0], 0.0, 1 / DOUBT[1]  # the symmetric matrix ((a, b), (b, c)), at first the prior precision
        score_mu, score_sigma = a * (math.log(GUESS) - self._mu), c * math.log(SPREAD / self._sigma)
        for poll in self._first_polls:
            g_mu, g_sigma, weight, factor = self._score(*poll)
            a, b, c = a + weight * g_mu * g_mu, b + weight * g_mu * g_sigma, c + weight * g_sigma * g_sigma
            score_mu, score_sigma = score_mu + factor * g_mu, score_sigma + factor * g_sigma
        determinant = a * c - b * b
        self._covariance = c / determinant, -b / determinant, a / determinant
        self._step(score_mu, score_sigma)

    def _update_recursively(self, g_mu: float, g_sigma: float, weight: float, factor: float) -> None:
        """Do one rank-one update: C -= w C g g^T C / (1 + w g^T C g), then inflate C (forgetting), then step."""
        a, b, c = self._covariance
        cg_mu, cg_sigma = a * g_mu + b * g_sigma, b * g_mu + c * g_sigma
        gain = weight / (1.0 + weight * (g_mu * cg_mu + g_sigma * cg_sigma))
        a, b, c = a - gain * cg_mu * cg_mu, b - gain * cg_mu * cg_sigma, c - gain * cg_sigma * cg_sigma
        inflation = max(self._sigma**2 / (KEPT * a), 1.0)
        self._covariance = a * inflation, b * inflation, c * inflation
        self._step(factor * g_mu, factor * g_sigma)

    def _step(self, score_mu: float, score_sigma: float) -> None:
        """Move theta by C times the score, clipped."""
        a, b, c = self._covariance
        self._mu += min(max(a * score_mu + b * score_sigma, -STEP), STEP)
        growth = min(max(b * score_mu + c * score_sigma, -STEP), STEP)
        self._sigma = min(max(self._sigma * math.exp(growth), NARROWEST), WIDEST)

    def _gradient(self, age: float) -> tuple[float, float]:
        """Return the gradient of ln S(age) in (mu, ln sigma): (h / sigma, h z) with the hazard h of the normal."""
        if age <= 0:
            return 0.0, 0.0
        z = self._z(age)
        hazard = math.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi) / _upper_tail(z)
        return hazard / self._sigma, hazard * z

    def ready_probability(self, pending_at: float, age: float) -> float:
        """Return P(T <= age | T > seen) = 1 - S(age) / S(seen); both in seconds."""
        return min(max(1.0 - self._survival(age) / self._survival(pending_at), 0.0), 1.0)

    def quantile(self, probability: float, pending_at: float = 0.0) -> float:
        """Return the age in seconds at which a package, pending at `pending_at`, is ready with this probability."""
        survival = max(self._survival(pending_at) * (1.0 - probability), 1e-14)
        return max(math.exp(self._mu - self._sigma * NORMAL.inv_cdf(min(survival, 1.0 - 1e-9))), pending_at)

    def tail_length(self, rate: float, mean_left: float) -> float:
        """Return t such that rate E[(T - t)+] = mean_left: after t seconds so few are expected to pack still.

        Args:
            rate: first requests per second until now.
            mean_left: packages.
        """
        low, high = 0.0, math.exp(self._mu + 6.0 * self._sigma)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if rate * self._expected_excess(middle) > mean_left else (low, middle)
        return high

    def _expected_excess(self, age: float) -> float:
        """Return E[(T - age)+] = e^(mu + sigma^2 / 2) (1 - Phi(z - sigma)) - age (1 - Phi(z))."""
        mean = math.exp(self._mu + self._sigma**2 / 2)
        if age <= 0:
            return mean
        z = self._z(age)
        return mean * _upper_tail(z - self._sigma) - age * _upper_tail(z)

    def _survival(self, age: float) -> float:
        return 1.0 if age <= 0 else _upper_tail(self._z(age))

    def _z(self, age: float) -> float:
        return min(max((math.log(age) - self._mu) / self._sigma, EARLIEST), LATEST)


def _upper_tail(z: float) -> float:
    """Return 1 - Phi(z) without cancellation."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))
