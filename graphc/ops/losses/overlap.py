"""Losses of the overlap of two segmentations, from soft memberships between 0 and 1."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from graphc.ir.expr import Expr
from graphc.ops.losses.record import at_least, fitted, loss
from graphc.ops.products import sum as sum_


@loss("dice(p, t)", "dice(p, t, axis=1, smooth=0)")
def dice(p: Any, t: Any, smooth: Any = 1, axis: Any = None) -> Expr:
    """``1 - (2*sum(p*t) + smooth)/(sum(p) + sum(t) + smooth)``, the sums over `axis`, all axes by default.

    Sudre et al., "Generalised Dice Overlap as a Deep Learning Loss Function for Highly Unbalanced Segmentations",
    2017, for one class. (Milletari et al. 2016 square p and t below the line.)

    Raises
    ------
    ShapeError
        If the shapes do not fit, or only by stretching both.
    """
    at_least("dice", 0, smooth=smooth)
    p, t = fitted("dice", p, t)
    value: Expr = 1 - (2 * sum_(p * t, axis=axis) + smooth) / (sum_(p, axis=axis) + sum_(t, axis=axis) + smooth)
    return value


@loss("tversky(p, t)", "tversky(p, t, alpha=0.3, beta=0.7)")
def tversky(
    p: Any, t: Any, alpha: Any = Fraction(1, 2), beta: Any = Fraction(1, 2), smooth: Any = 1, axis: Any = None
) -> Expr:
    """``1 - (TP + smooth)/(TP + alpha*FP + beta*FN + smooth)`` with soft counts over `axis`, all axes by default.

    Salehi, Erdogmus, Gholipour, "Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional Deep
    Networks", 2017: TP = sum(p*t), FP = sum(p*(1 - t)), FN = sum((1 - p)*t). With alpha = beta = 1 the Jaccard loss.
    """
    at_least("tversky", 0, alpha=alpha, beta=beta, smooth=smooth)
    p, t = fitted("tversky", p, t)
    hits = sum_(p * t, axis=axis) + smooth
    false = alpha * sum_(p * (1 - t), axis=axis) + beta * sum_((1 - p) * t, axis=axis)
    value: Expr = 1 - hits / (hits + false)
    return value
