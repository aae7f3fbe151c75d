"""Tails of distributions, summed term by term. Relative errors are below 1e-9 where the tail is above 1e-280."""

from math import erfc, exp, lgamma, log, log1p, sqrt

_TERM = 1e-13
"""A sum ends at a term that is this small against the sum."""
_MAX_TERMS = 20_000
"""Terms after which a sum ends. With the parameters in use it has ended before."""


def negative_binomial_upper(count: int, mean: float, variance: float) -> float:
    """Return P(N >= count) of a negative binomial distribution with this mean and variance.

    With r = mean^2 / (variance - mean) and q = 1 - mean / variance, P(N = k) = G(k + r) / (G(r) k!) (1 - q)^r q^k, and
    neighbouring terms have the ratio (k + r) / (k + 1) q. For counts above the mean the terms fall, and some ten to
    hundred are summed. `variance` is raised to just above the mean.
    """
    if count <= 0:
        return 1.0
    if count <= mean:
        return max(0.0, 1.0 - negative_binomial_lower(count - 1, mean, variance))
    r, q = _shape(mean, variance)
    first = term = exp(_log_term(count, r, q))
    total, k = first, count
    while term > _TERM * total and k < count + _MAX_TERMS:
        term *= (k + r) / (k + 1) * q
        k += 1
        total += term
    return min(total, 1.0)


def negative_binomial_lower(count: int, mean: float, variance: float) -> float:
    """Return P(N <= count) of a negative binomial distribution with this mean and variance."""
    if count < 0:
        return 0.0
    r, q = _shape(mean, variance)
    term = total = exp(_log_term(count, r, q))
    for k in range(count, 0, -1):
        term *= k / ((k - 1 + r) * q)
        total += term
        if term <= _TERM * total and k < mean:
            break
    return min(total, 1.0)


def _shape(mean: float, variance: float) -> tuple[float, float]:
    variance = max(variance, mean * 1.0001)
    return mean * mean / (variance - mean), 1 - mean / variance


def _log_term(k: int, r: float, q: float) -> float:
    return lgamma(k + r) - lgamma(r) - lgamma(k + 1) + r * log1p(-q) + k * log(q)


def beta_binomial_upper(count: int, n: int, a: float, b: float) -> float:
    """Return P(K >= count) of a beta-binomial distribution of n trials with the parameters a and b.

    P(K = k) = C(n, k) B(k + a, n - k + b) / B(a, b). Neighbouring terms have the ratio
    (n - k) / (k + 1) (k + a) / (n - k - 1 + b).
    """
    if count <= 0:
        return 1.0
    if count > n:
        return 0.0
    term = total = exp(
        lgamma(n + 1)
        - lgamma(count + 1)
        - lgamma(n - count + 1)
        + _log_beta(count + a, n - count + b)
        - _log_beta(a, b)
    )
    peak = n * a / (a + b)
    for k in range(count, n):
        term *= (n - k) / (k + 1) * (k + a) / (n - k - 1 + b)
        total += term
        if term <= _TERM * total and k > peak:
            break
    return min(total, 1.0)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def normal_upper(z: float) -> float:
    """Return P(Z >= z) of a standard normal distribution."""
    return 0.5 * erfc(z / sqrt(2))


def binomial_upper(count: int, n: int, share: float) -> float:
    """Return P(K >= count) of n trials that succeed with a probability of `share`, above 0 and below 1.

    P(K = k) = C(n, k) share^k (1 - share)^(n - k). Neighbouring terms have the ratio (n - k) / (k + 1) share / (1 - share).
    For counts above the mean the terms fall. Up to the mean the tail is 1 - P(n - K >= n - count + 1).
    """
    if count <= 0:
        return 1.0
    if count > n:
        return 0.0
    if count <= n * share:
        return 1.0 - binomial_upper(n - count + 1, n, 1 - share)
    choices = lgamma(n + 1) - lgamma(count + 1) - lgamma(n - count + 1)
    term = total = exp(choices + count * log(share) + (n - count) * log1p(-share))
    for k in range(count, n):
        term *= (n - k) / (k + 1) * share / (1 - share)
        total += term
        if term <= _TERM * total:
            break
    return min(total, 1.0)
