"""Wrong claims in index notation are mended in index notation, and the mended claim is proved."""

from __future__ import annotations

import pytest

import graphc as gc

RECTANGULAR, SQUARE = ("m", "n"), ("n", "n")
CASES = [
    (RECTANGULAR, "x", "df/dx[j] = 2*sum[i](q[i]*W[j,i])", "transpose", "df/dx[j] = 2*sum[i](q[i]*W[i,j])"),
    (SQUARE, "x", "df/dx[j] = 2*sum[i](q[i]*W[j,i])", "transpose", "df/dx[j] = 2*sum[i](q[i]*W[i,j])"),
    (SQUARE, "x", "df/dx[k] = 2*sum[i](W[i, k]*q[k])", "wrong variable", "df/dx[k] = 2*sum[i](W[i, k]*q[i])"),
    (RECTANGULAR, "W", "df/dW[i,j] = 2*q[j]*x[i]", "transpose", "df/dW[i,j] = 2*q[i]*x[j]"),
    (RECTANGULAR, "x", "df/dx[j] = sum[i](q[i]*W[i,j])", "constant factor", "df/dx[j] = 2*sum[i](q[i]*W[i,j])"),
    (RECTANGULAR, "W", "df/dW[i,j] = -2*q[i]*x[j]", "sign", "df/dW[i,j] = 2*q[i]*x[j]"),
    (RECTANGULAR, "x", "df/dx[j] = 2*q[i]*W[i,j]", "sum or mean", "df/dx[j] = sum[i](2*q[i]*W[i,j])"),
    (RECTANGULAR, "x", "df/dx[j] = 2*mean[i](q[i]*W[i,j])", "sum or mean", "df/dx[j] = 2*sum[i](q[i]*W[i,j])"),
    (RECTANGULAR, "x", "df/dx[j] = 2*sum[i](W[i,j])", "chain factor", "df/dx[j] = 2*sum[i](q[i]*W[i,j])"),
    (RECTANGULAR, "x", "df/dx[j] = 2*sum[i](q[i]**2*W[i,j])", "exponent", "df/dx[j] = 2*sum[i](q[i]*W[i,j])"),
]


@pytest.mark.parametrize(("shape", "variable", "claim", "kind", "repair"), CASES)
def test_claims_on_entries_are_mended(
    shape: tuple[str, str], variable: str, claim: str, kind: str, repair: str
) -> None:
    names = {"W": gc.symbol("W", shape), "x": gc.symbol("x", (shape[1],))}
    q = gc.parse("W @ x", **names)
    f = gc.sum(q**2)
    verdict = gc.check(f, names[variable], claim, q=q)
    assert not verdict
    assert (verdict.kind, verdict.repair) == (kind, repair)
    assert gc.check(f, names[variable], verdict.repair, q=q).status == "proved"
    assert f"repaired: {repair}" in str(verdict)


def test_no_repair_is_the_answer_put_into_the_claim() -> None:
    x, A = gc.symbol("x", ("n",)), gc.symbol("A", ("n", "n"))
    verdict = gc.check(gc.sum((A @ x) ** 2), x, "df/dx[j] = 2*x[j]*A[j,j]")
    assert verdict.status == "wrong"
    assert verdict.repair is None


def test_places_compared_the_wrong_way_are_mended() -> None:
    x, g = gc.symbol("x", ("n",)), gc.symbol("g", ("n",))
    f = gc.sum(g * gc.cumsum(x))
    for claim, kind in (("(j > i)", "dropped mask"), ("(j <= i)", "sign")):
        verdict = gc.check(f, x, f"df/dx[i] = sum[j]({claim}*g[j])")
        assert (verdict.kind, verdict.repair) == (kind, "df/dx[i] = sum[j]((j >= i)*g[j])")
