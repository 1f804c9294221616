"""Short functions of textbooks, each with claims that are written in other ways or wrong in one place."""

from __future__ import annotations

from kinds_of_claims import (
    ASSUMPTION,
    CHAIN,
    CONSTANT,
    DIAGONAL,
    EXPONENT,
    FUNCTION,
    ORDER,
    PART,
    PATH,
    RIGHT,
    SHAPE,
    SIGN,
    STATISTIC,
    SUM,
    TERM,
    TRANSPOSE,
    UNREADABLE,
    VARIABLE,
    Case,
    known,
)

CASES: dict[str, Case] = {
    "sum((X @ w - y)**2)": (
        "sum((X @ w - y)**2)",
        {"X": ("n", "d"), "w": ("d",), "y": ("n",)},
        [
            ("w", "2*einsum('ij,i->j', X, X @ w - y)", RIGHT),
            ("w", "2*sum(X*(X @ w - y)[:, None], axis=0)", RIGHT),
            ("w", "2*(X @ w - y) @ X", RIGHT),
            ("w", "2*X.T @ X @ w - 2*X.T @ y", RIGHT),
            ("w", "df/dw[j] = 2*sum[i](X[i,j]*(sum[k](X[i,k]*w[k]) - y[i]))", RIGHT),
            ("w", "df/dw[k] = 2*sum[i](X[i,k]*(sum[j](X[i,j]*w[j]) - y[k]))", f"{UNREADABLE}{VARIABLE}"),
            ("w", "df/dw[j] = sum[i](X[i,j]*(sum[k](X[i,k]*w[k]) - y[i]))", CONSTANT),
            ("w", "df/dw[j] = 2*sum[i]((sum[k](X[i,k]*w[k]) - y[i]))", CHAIN),
            ("w", "df/dw[j] = 2*X[i,j]*(sum[k](X[i,k]*w[k]) - y[i])", f"{UNREADABLE}{SUM}"),
            ("w", "df/dw[j] = -2*sum[i](X[i,j]*(sum[k](X[i,k]*w[k]) - y[i]))", SIGN),
            ("w", "df/dw[j] = 2*sum[i](X[i,j]*(y[i] - sum[k](X[i,k]*w[k])))", SIGN),
            ("w", "df/dw[j] = 2*sum[i](X[i,j]*(sum[k](X[i,k]*w[k]) + y[i]))", SIGN),
            ("w", "2*X.T @ (X @ w - y)/n", CONSTANT),
        ],
    ),
    "mean((X @ w - y)**2)": (
        "mean((X @ w - y)**2)",
        {"X": ("n", "d"), "w": ("d",), "y": ("n",)},
        [
            ("w", "2*mean(X.T @ (X @ w - y))", SUM),
        ],
    ),
    "sum((A @ X @ B - C)**2)": (
        "sum((A @ X @ B - C)**2)",
        {"A": ("p", "m"), "B": ("n", "q"), "C": ("p", "q"), "X": ("m", "n")},
        [
            ("X", "2*A.T @ (A @ X @ B - C) @ B.T", RIGHT),
            ("X", "reshape(2*kron(A, B.T).T @ (kron(A, B.T) @ ravel(X) - ravel(C)), (m, n))", RIGHT),
            ("X", "2*A.T @ (A @ X @ B - C) @ B", f"{UNREADABLE}{TRANSPOSE}"),
            ("X", "2*A @ (A @ X @ B - C) @ B", f"{UNREADABLE}{TRANSPOSE}"),
        ],
    ),
    "sum((A @ X @ B - C)**2) with facts": (
        "sum((A @ X @ B - C)**2)",
        {"A": ("n", "n"), "B": ("n", "n"), "C": ("n", "n"), "X": ("n", "n")},
        [
            ("X", "2*B.T @ (A @ X @ B - C) @ A.T", ORDER),
        ],
    ),
    "sum((A @ X @ B - C)**2) with facts of other factors": (
        "sum((A @ X @ B - C)**2)",
        {"A": ("p_", "m"), "B": ("n", "q_"), "C": ("p_", "q_"), "X": ("m", "n")},
        [
            ("X", "dX[i,j] = 2*sum[p,q](A[p,i]*(A @ X @ B - C)[p,q]*B[j,q])", RIGHT),
            ("X", "dX[i,j] = 2*sum[p,q](A[p,i]*(A @ X @ B - C)[p,q]*B[q,j])", f"{UNREADABLE}{TRANSPOSE}"),
        ],
    ),
    "log(det(S))": (
        "log(det(S))",
        {"S": known("spd", "n", "n")},
        [
            ("S", "inv(S)", RIGHT),
        ],
    ),
    "log(det(X))": (
        "log(det(X))",
        {"X": ("n", "n")},
        [
            ("X", "inv(X)", TRANSPOSE),
            ("X", "1/det(X)", CHAIN),
        ],
    ),
    "x @ inv(A) @ y": (
        "x @ inv(A) @ y",
        {"A": ("n", "n"), "x": ("n",), "y": ("n",)},
        [
            ("A", "-inv(A).T @ outer(x, y) @ inv(A).T", RIGHT),
            ("A", "-inv(A) @ outer(x, y) @ inv(A)", TRANSPOSE),
            ("A", "inv(A).T @ outer(x, y) @ inv(A).T", SIGN),
            ("A", "-outer(solve(A.T, x), solve(A, y))", RIGHT),
            ("A", "-inv(A).T @ outer(x, y)", CHAIN),
        ],
    ),
    "trace(A @ X @ B @ X.T)": (
        "trace(A @ X @ B @ X.T)",
        {"A": ("m", "m"), "B": ("n", "n"), "X": ("m", "n")},
        [
            ("X", "A.T @ X @ B.T + A @ X @ B", RIGHT),
            ("X", "A.T @ X @ B.T", PATH),
        ],
    ),
    "trace(A @ X @ B @ X.T) with facts": (
        "trace(A @ X @ B @ X.T)",
        {"A": ("m", "m"), "B": known("symmetric", "n", "n"), "X": ("m", "n")},
        [
            ("X", "2*A @ X @ B", ASSUMPTION),
        ],
    ),
    "sum(T*(Z - logsumexp(Z, axis=1, keepdims=True)))": (
        "sum(T*(Z - logsumexp(Z, axis=1, keepdims=True)))",
        {"T": known("one_hot", "n", "k"), "Z": ("n", "k")},
        [
            ("Z", "T - softmax(Z)", RIGHT),
            ("Z", "T - softmax(Z, axis=0)", SUM),
            ("Z", "T", STATISTIC),
        ],
    ),
    "sum(T*(Z - logsumexp(Z, axis=1, keepdims=True))) with facts": (
        "sum(T*(Z - logsumexp(Z, axis=1, keepdims=True)))",
        {"T": ("n", "k"), "Z": ("n", "k")},
        [
            ("Z", "T - softmax(Z)", ASSUMPTION),
            ("Z", "T - sum(T, axis=1, keepdims=True)*softmax(Z)", RIGHT),
        ],
    ),
    "sum(log(1 + exp(-y*(X @ w))))": (
        "sum(log(1 + exp(-y*(X @ w))))",
        {"X": ("n", "d"), "w": ("d",), "y": ("n",)},
        [
            ("w", "-X.T @ (y/(1 + exp(y*(X @ w))))", RIGHT),
            ("w", "-X.T @ (y*(1 - sigmoid(y*(X @ w))))", RIGHT),
            ("w", "-X.T @ (y*exp(-y*(X @ w)))", f"{FUNCTION}|{CHAIN}"),
            ("w", "X.T @ (y/(1 + exp(y*(X @ w))))", SIGN),
            ("w", "-X.T @ (1/(1 + exp(y*(X @ w))))", CHAIN),
        ],
    ),
    "sum(x*tanh(softplus(x)))": (
        "sum(x*tanh(softplus(x)))",
        {"x": ("n",)},
        [
            ("x", "tanh(softplus(x)) + x*(1 - tanh(softplus(x))**2)*sigmoid(x)", RIGHT),
            ("x", "tanh(softplus(x)) + x*sigmoid(x)/cosh(softplus(x))**2", RIGHT),
            ("x", "tanh(softplus(x)) + x*(1 - tanh(softplus(x))**2)", CHAIN),
            ("x", "tanh(softplus(x)) + (1 - tanh(softplus(x))**2)*sigmoid(x)", CHAIN),
        ],
    ),
    "max(x) - min(x)": (
        "max(x) - min(x)",
        {"x": ("n",)},
        [
            ("x", "(x == max(x)) - (x == min(x))", RIGHT),
            ("x", "one_hot(argmax(x), n) - one_hot(argmin(x), n)", RIGHT),
            ("x", "(x == max(x)) + (x == min(x))", SIGN),
        ],
    ),
    "sum(max(X, axis=0))": (
        "sum(max(X, axis=0))",
        {"X": ("n", "d")},
        [
            ("X", "X == max(X, axis=0)", RIGHT),
            ("X", "X == max(X, axis=1, keepdims=True)", SUM),
        ],
    ),
    "norm(x)": (
        "norm(x)",
        {"x": ("n",)},
        [
            ("x", "x/norm(x)", RIGHT),
            ("x", "x/(x @ x)", EXPONENT),
            ("x", "2*x/norm(x)", CONSTANT),
            ("x", "sign(x)", FUNCTION),
        ],
    ),
    "sum(abs(x))**2": (
        "sum(abs(x))**2",
        {"x": ("n",)},
        [
            ("x", "2*sum(abs(x))*sign(x)", RIGHT),
            ("x", "2*abs(x)*sign(x)", SUM),
            ("x", "2*sum(abs(x))", CHAIN),
        ],
    ),
    "norm(A @ x)**2/norm(x)**2": (
        "norm(A @ x)**2/norm(x)**2",
        {"A": ("m", "n"), "x": ("n",)},
        [
            ("x", "2*(A.T @ A @ x)/(x @ x) - 2*(x @ A.T @ A @ x)*x/(x @ x)**2", RIGHT),
            ("x", "2*(A.T @ A @ x)/(x @ x)", STATISTIC),
        ],
    ),
    "sum(cumsum(x)**2)": (
        "sum(cumsum(x)**2)",
        {"x": ("n",)},
        [
            ("x", "2*reverse_cumsum(cumsum(x))", RIGHT),
            ("x", "df/dx[i] = 2*sum[j]((j >= i)*cumsum(x)[j])", RIGHT),
            ("x", "2*cumsum(cumsum(x))", FUNCTION),
            ("x", "2*cumsum(x)", CHAIN),
        ],
    ),
    "sum(diff(x)**2)": (
        "sum(diff(x)**2)",
        {"x": ("n",)},
        [
            ("x", "2*(pad(diff(x), (1, 0)) - pad(diff(x), (0, 1)))", RIGHT),
        ],
    ),
    "exp(-x @ P @ x/2)": (
        "exp(-x @ P @ x/2)",
        {"P": known("spd", "n", "n"), "x": ("n",)},
        [
            ("x", "-exp(-x @ P @ x/2)*(P @ x)", RIGHT),
            ("x", "-exp(-x @ P @ x/2)*P @ x/2", CONSTANT),
            ("x", "-(P @ x)", CHAIN),
        ],
    ),
    "sigmoid(w @ x)*(1 - sigmoid(w @ x))": (
        "sigmoid(w @ x)*(1 - sigmoid(w @ x))",
        {"w": ("n",), "x": ("n",)},
        [
            ("x", "sigmoid(w @ x)*(1 - sigmoid(w @ x))*(1 - 2*sigmoid(w @ x))*w", RIGHT),
            ("x", "-sinh((w @ x)/2)/(4*cosh((w @ x)/2)**3)*w", RIGHT),
            ("x", "sigmoid(w @ x)*(1 - sigmoid(w @ x))*w", f"{CHAIN}|{TERM}"),
        ],
    ),
    "softmax(x)": (
        "softmax(x)",
        {"x": ("n",)},
        [
            ("x", "diag(softmax(x)) - outer(softmax(x), softmax(x))", RIGHT),
            ("x", "diag(softmax(x)*(1 - softmax(x)))", DIAGONAL),
            ("x", "diag(softmax(x)) + outer(softmax(x), softmax(x))", SIGN),
        ],
    ),
    "log_softmax(x)": (
        "log_softmax(x)",
        {"x": ("n",)},
        [
            ("x", "eye(n) - softmax(x)[None, :]*ones(n, n)", RIGHT),
            ("x", "dy[i]/dx[j] = delta[i,j] - softmax(x)[j]", RIGHT),
            ("x", "dy[i]/dx[j] = delta[i,j] - softmax(x)[i]", f"{VARIABLE}|{TRANSPOSE}"),
        ],
    ),
    "x/(1 + norm(x)**2)": (
        "x/(1 + norm(x)**2)",
        {"x": ("n",)},
        [
            ("x", "eye(n)/(1 + x @ x) - 2*outer(x, x)/(1 + x @ x)**2", RIGHT),
            ("x", "eye(n)/(1 + x @ x) - outer(x, x)/(1 + x @ x)**2", CONSTANT),
        ],
    ),
    "A @ x + x": (
        "A @ x + x",
        {"A": ("n", "n"), "x": ("n",)},
        [
            ("x", "A + eye(n)", RIGHT),
            ("x", "A.T + eye(n)", TRANSPOSE),
            ("x", "A + ones(n, n)", FUNCTION),
        ],
    ),
    "sin(A @ x)": (
        "sin(A @ x)",
        {"A": ("m", "n"), "x": ("n",)},
        [
            ("x", "cos(A @ x)[:, None]*A", RIGHT),
            ("x", "cos(A @ x)*A", f"{UNREADABLE}{SHAPE}"),
            ("x", "A.T*cos(A @ x)", TRANSPOSE),
        ],
    ),
    "sum(x)**3": (
        "sum(x)**3",
        {"x": ("n",)},
        [
            ("x", "3*sum(x)**2", SHAPE),
            ("x", "3*sum(x)**2*ones(n)", RIGHT),
            ("x", "3*x**2", f"{CHAIN}|{PART}"),
        ],
    ),
}
