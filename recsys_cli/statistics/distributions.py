"""Tails of Student's t and of the normal distribution, from nothing but the standard library."""

from __future__ import annotations

import math

TINY = 1e-300
STEPS = 10_000


def t_tails(t: float, df: float) -> float:
    """P(|T| >= |t|) of Student's t with df degrees of freedom."""
    if math.isinf(t):
        return 0.0
    return incomplete_beta(df / 2, 0.5, df / (df + t * t))


def t_quantile(df: float, level: float = 0.95) -> float:
    """The t within which a share `level` of the distribution lies, to either side of 0."""
    low, high = 0.0, 1.0
    while t_tails(high, df) > 1 - level:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tails(middle, df) > 1 - level else (low, middle)
    return high


def normal_tails(z: float) -> float:
    """P(|Z| >= |z|) of the standard normal distribution."""
    return math.erfc(abs(z) / math.sqrt(2))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b), regularised, for a, b > 0 and 0 <= x <= 1.

    By its continued fraction (Abramowitz and Stegun 26.5.8), evaluated as Lentz (1976) and Thompson and Barnett (1986)
    do; where it converges slowly, by I_x(a, b) = 1 - I_(1-x)(b, a).
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x) - math.log(a)
    )
    value, c, d = 1.0, 1.0, 0.0
    for n in range(1, STEPS):
        coefficient = _coefficient(n, a, b, x)
        d = 1 / ((1 + coefficient * d) or TINY)
        c = (1 + coefficient / c) or TINY
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return min(1.0, front / value)


def _coefficient(n: int, a: float, b: float, x: float) -> float:
    """d_n of the fraction 1 / (1 + d_1 / (1 + d_2 / ...))."""
    m = n // 2
    if n % 2:
        return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
