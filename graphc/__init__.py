"""graphc: gradients of tensor expressions in closed form, drawn, emitted as NumPy code, and checked.

>>> import graphc as gc
>>> n, d, k = gc.dims("n d k")
>>> X, T = gc.symbol("X", (n, d)), gc.symbol("T", (n, k), facts=["one_hot"])
>>> W = gc.parameter("W", (d, k))
>>> p = gc.softmax(X @ W).named("p")
>>> print(gc.grad(gc.mean(gc.cross_entropy(p, T)), W))
X.T @ (p - T)/n
"""

from graphc.calculus import Derivation, derive, grad, hessian, hvp, jacobian, jvp, vjp
from graphc.checking import Verdict, check, check_derivative
from graphc.errors import (
    DataError,
    DifferentiationError,
    DrawingError,
    DTypeError,
    FactError,
    FormulaError,
    GraphcError,
    IndexRangeError,
    LinearAlgebraError,
    NameConflictError,
    SettingError,
    ShapeError,
    TrainingError,
    UnknownNameError,
    UnsupportedError,
    ValueMissingError,
)
from graphc.frontend import nn
from graphc.frontend.parse import parse
from graphc.frontend.userops import elementwise, op
from graphc.ir import facts
from graphc.ir.dims import dims
from graphc.ir.expr import Expr
from graphc.ops.arithmetic import broadcast_to, sqrt
from graphc.ops.attention import attention, masked_softmax, multi_head_attention, tri
from graphc.ops.choices import all, any, argmax, argmin, argsort, count_nonzero, sort
from graphc.ops.convolution import avgpool1d, avgpool2d, conv1d, conv2d, maxpool1d, maxpool2d
from graphc.ops.defined import dense, log_softmax, logsumexp, mean, mse, norm, softmax
from graphc.ops.elementwise import (
    absolute,
    cos,
    equal,
    exp,
    expm1,
    greater,
    greater_equal,
    less,
    less_equal,
    log,
    log1p,
    maximum,
    minimum,
    not_equal,
    relu,
    round,
    sigmoid,
    sign,
    sin,
    softplus,
    tanh,
)
from graphc.ops.factorizations import (
    cholesky,
    eigh,
    eigh_vectors,
    eigvalsh,
    reciprocal_gaps,
    svd,
    svd_u,
    svd_vt,
    svdvals,
    tril_half,
)
from graphc.ops.gather import arange, embedding, scatter_add, scatter_add_along_axis, take, take_along_axis
from graphc.ops.kronecker import kron
from graphc.ops.labels import cross_entropy, one_hot
from graphc.ops.leaves import constant, eye, parameter, pi, symbol
from graphc.ops.leaving_out import prod, prod_except
from graphc.ops.linalg import det, inv, logdet, solve
from graphc.ops.matrix_functions import expm, expm_frechet, matrix_power, pinv
from graphc.ops.normalization import batch_norm, group_norm, instance_norm, layer_norm, rms_norm, standardize
from graphc.ops.products import diag, einsum, matmul, outer, sum, trace, transpose
from graphc.ops.reductions import max, min, ones, reshape, where, zeros
from graphc.ops.scans import cumprod, cumsum, recurrence, reverse_cumsum, reverse_recurrence, shift
from graphc.ops.special import digamma, erf, lgamma, polygamma
from graphc.ops.statistics import clip, std, var
from graphc.ops.stopping import stop_gradient
from graphc.ops.trigonometric import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctanh,
    cosh,
    sinh,
    tan,
)
from graphc.ops.windows import fold, windows
from graphc.pipeline import compile, draw, emit
from graphc.rewriting import count_ops, expand, simplify
from graphc.runtime import optim, regularize, train
from graphc.runtime.evaluate import evaluate
from graphc.visualize.latex import latex
from graphc.visualize.text import names

abs = absolute
__version__ = "0.1.0"

__all__ = [
    "DTypeError",
    "DataError",
    "Derivation",
    "DifferentiationError",
    "DrawingError",
    "Expr",
    "FactError",
    "FormulaError",
    "GraphcError",
    "IndexRangeError",
    "LinearAlgebraError",
    "NameConflictError",
    "SettingError",
    "ShapeError",
    "TrainingError",
    "UnknownNameError",
    "UnsupportedError",
    "ValueMissingError",
    "Verdict",
    "__version__",
    "abs",
    "all",
    "any",
    "arange",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "argmax",
    "argmin",
    "argsort",
    "attention",
    "avgpool1d",
    "avgpool2d",
    "batch_norm",
    "broadcast_to",
    "check",
    "check_derivative",
    "cholesky",
    "clip",
    "compile",
    "constant",
    "conv1d",
    "conv2d",
    "cos",
    "cosh",
    "count_nonzero",
    "count_ops",
    "cross_entropy",
    "cumprod",
    "cumsum",
    "dense",
    "derive",
    "det",
    "diag",
    "digamma",
    "dims",
    "draw",
    "eigh",
    "eigh_vectors",
    "eigvalsh",
    "einsum",
    "elementwise",
    "embedding",
    "emit",
    "equal",
    "erf",
    "evaluate",
    "exp",
    "expand",
    "expm",
    "expm1",
    "expm_frechet",
    "eye",
    "facts",
    "fold",
    "grad",
    "greater",
    "greater_equal",
    "group_norm",
    "hessian",
    "hvp",
    "instance_norm",
    "inv",
    "jacobian",
    "jvp",
    "kron",
    "latex",
    "layer_norm",
    "less",
    "less_equal",
    "lgamma",
    "log",
    "log1p",
    "log_softmax",
    "logdet",
    "logsumexp",
    "masked_softmax",
    "matmul",
    "matrix_power",
    "max",
    "maximum",
    "maxpool1d",
    "maxpool2d",
    "mean",
    "min",
    "minimum",
    "mse",
    "multi_head_attention",
    "names",
    "nn",
    "norm",
    "not_equal",
    "one_hot",
    "ones",
    "op",
    "optim",
    "outer",
    "parameter",
    "parse",
    "pi",
    "pinv",
    "polygamma",
    "prod",
    "prod_except",
    "reciprocal_gaps",
    "recurrence",
    "regularize",
    "relu",
    "reshape",
    "reverse_cumsum",
    "reverse_recurrence",
    "rms_norm",
    "round",
    "scatter_add",
    "scatter_add_along_axis",
    "shift",
    "sigmoid",
    "sign",
    "simplify",
    "sin",
    "sinh",
    "softmax",
    "softplus",
    "solve",
    "sort",
    "sqrt",
    "standardize",
    "std",
    "stop_gradient",
    "sum",
    "svd",
    "svd_u",
    "svd_vt",
    "svdvals",
    "symbol",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "trace",
    "train",
    "transpose",
    "tri",
    "tril_half",
    "var",
    "vjp",
    "where",
    "windows",
    "zeros",
]
