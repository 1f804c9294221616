"""The kinds of mistakes that a diagnosis can name."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What is wrong with a claim, in a word or two; the sentence of the diagnosis says where."""

    TRANSPOSE = "transpose"  # missing or superfluous
    ORDER = "operand order"
    SIGN = "sign"
    CONSTANT = "constant factor"  # a number, or a size such as n or 1/n
    SUM = "sum or mean"  # missing, superfluous, over the wrong axis, or one for the other
    CHAIN = "chain factor"  # a factor of the chain rule is missing
    FACTOR = "superfluous factor"
    PART = "wrong part"
    TERM = "term"  # missing or superfluous
    ACTIVATION = "wrong activation"  # the derivative of one function where that of another belongs
    VARIABLE = "wrong variable"
    FUNCTION = "wrong function"
    OPERATION = "wrong operation"  # a sum for a product, a product entry by entry for a matrix product
    EXPONENT = "exponent"
    PATH = "forgotten path"  # one use of the variable is taken for a constant
    STATISTIC = "forgotten statistic"  # a mean, a variance, a norm, a normalizer is taken for a constant
    DIAGONAL = "off-diagonal part"  # only the diagonal of a Jacobian is used
    MASK = "dropped mask"
    ASSUMPTION = "assumption"  # right only under a fact that is not declared
    SHAPE = "wrong shape"  # right entry by entry, of a shape that broadcasting would hide
