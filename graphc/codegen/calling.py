"""The functions around a closure over buffers: one that prepares it for the arrays at hand, one that users call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphc.codegen.binding import size_lines
from graphc.codegen.layout import broken, paragraph, shapes_text, sizes_text

if TYPE_CHECKING:
    from graphc.codegen.fast import Fast


def _real(fast: Fast) -> tuple[list[str], list[str]]:
    """The real inputs that have axes, and those that are scalars."""
    real = [(v, s) for v, s in zip(fast.inputs, fast.plan.inputs, strict=True) if s.dtype.startswith("float")]
    return [v for v, s in real if s.shape], [v for v, s in real if not s.shape]


def _given(fast: Fast) -> list[str]:
    """The variables of the sizes that are arguments."""
    return [fast.renamed[n] for n in fast.given]


def prepare_text(fast: Fast) -> str:
    """A function that reads sizes and dtype from arrays and builds the buffers for them."""
    arrays, scalars = _real(fast)
    deciding = arrays or scalars
    lines = size_lines(sorted(fast.sizes), fast.arrays, fast.renamed, fast.given)
    if deciding:
        lines += [
            f"dtype = np.result_type({', '.join(deciding)})",
            'if dtype.kind != "f":',
            "    dtype = np.dtype(float)",
        ]
    else:
        lines.append("dtype = np.dtype(float)")
    lines.append(
        f"work = {fast.build_name}({', '.join(['dtype', *(fast.renamed.get(n, n) for n in sorted(fast.sizes))])})"
    )
    if arrays:
        casts = [f"{v}.astype(dtype, copy=False)" if v in arrays else v for v in fast.inputs]
        lines += [
            f"if any(x.dtype != dtype for x in ({', '.join(arrays)}{',' if len(arrays) == 1 else ''})):",
            "    run = work[0]",
            "",
            f"    def cast({', '.join([*fast.inputs, '*outs'])}):",
            f"        run({', '.join([*casts, '*outs'])})",
            "",
            "    work[0] = cast",
        ]
    lines.append("return work")
    text = broken(f"def _prepare({', '.join([*fast.inputs, *_given(fast)])}):", 0)
    for line in ['"""A workspace for the sizes and the dtype of these arrays."""', *lines]:
        indent = len(line) - len(line.lstrip())
        text += broken(line.lstrip(), 4 + indent) if line else [""]
    return "\n".join(text)


def call_text(fast: Fast) -> str:
    """The function that users call; workspaces are pooled by shapes and dtypes, one for each call under way."""
    plan = fast.plan
    shaped = [(v, s.shape) for v, s in zip(fast.inputs, plan.inputs, strict=True)]
    results = [(n, plan.shape(o)) for n, o in zip(fast.output_names, plan.outputs, strict=True)]
    scalars = [v for v, s in shaped if not s]
    arrays, real_scalars = _real(fast)
    keys = [f"{v}.shape" for v, s in shaped if s] + [f"{v}.dtype" for v in (arrays or real_scalars)]
    given = _given(fast)
    keys += given
    taken = [*([shapes_text(shaped)] if shaped else []), *([sizes_text(given)] if given else [])]
    single = len(plan.outputs) == 1
    spread = [i for i, o in enumerate(plan.outputs) if plan.instructions[o].kind == "spread"]
    cleared = [f"    outs[{i}].fill(0)" for i in spread]  # what is given may hold anything off the diagonal
    doc = [
        f'"""Compute {", ".join(fast.output_names)}.' if len(results) < 8 else f'"""Compute {len(results)} outputs.',
        "",
        *(paragraph("Takes", ", ".join(taken)) if taken else []),
        *paragraph("Returns", shapes_text(results)),
        "With copy=False the results live in buffers that the next call for the same sizes overwrites;",
        "they must not be passed back as arguments. Arrays in out are written instead.",
        '"""',
    ]
    lines = [
        *doc,
        *(f"{v} = np.asarray({v})" for v in scalars),
        f"key = ({', '.join(keys)}{',' if len(keys) == 1 else ''})",
        "try:",
        "    work = _pools[key].pop()",
        "except (KeyError, IndexError):",
        f"    work = _prepare({', '.join([*fast.inputs, *given])})",
        "run, fresh, kept = work",
        "if out is not None:",
        "    outs = out",
        *cleared,
        "elif copy:",
        "    outs = fresh()",
        "else:",
        "    outs = work[2] = kept or fresh()",
        f"run({', '.join([*fast.inputs, '*outs'])})",
        "if len(_pools) > 32:",
        "    _pools.clear()",
        "_pools.setdefault(key, []).append(work)",
        "return outs[0]" if single else "return outs",
    ]
    text = broken(f"def {fast.name}({', '.join([*fast.inputs, '*', *given, 'copy=True', 'out=None'])}):", 0)
    for line in lines:
        indent = len(line) - len(line.lstrip())
        text += broken(line.lstrip(), 4 + indent) if line else [""]
    return "\n".join(text)
