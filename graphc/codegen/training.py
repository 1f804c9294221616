"""Training steps: the gradients of `step`, then an optimizer's update."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.codegen.fast import Donor, Fast
from graphc.codegen.layout import broken, tuple_text
from graphc.codegen.names import Names
from graphc.codegen.readable import Readable
from graphc.codegen.sources import function_sources
from graphc.codegen.update import UpdateRule
from graphc.errors import ShapeError, UnsupportedError
from graphc.ir.dims import shape_text
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import PARAMETER
from graphc.scheduling.buffers import entrywise
from graphc.scheduling.plan import Plan
from graphc.scheduling.planning import plan

TILE = 131072  # entries of one tile of an update, so that all its operands stay in the cache


def trained(program: Plan) -> list[int]:
    """The places of the parameters among the inputs.

    Raises
    ------
    ShapeError
        If the outputs are not a scalar and one gradient for each parameter.
    """
    places = [i for i, s in enumerate(program.inputs) if s.op is PARAMETER]
    shapes = [program.instructions[o].shape for o in program.outputs]
    wanted = [(), *(program.inputs[i].shape for i in places)]
    if shapes != wanted:
        raise ShapeError(
            "an update needs the loss and one gradient for each parameter, in the order of the inputs: expected the "
            f"shapes {', '.join(map(shape_text, wanted))}, got {', '.join(map(shape_text, shapes))}"
        )
    return places


def hyperparameters(rule: UpdateRule) -> list[Expr]:
    """The symbols of the hyperparameters that the rule uses."""
    return [s for s in topological([rule.new_parameter, *rule.new_states]) if s.name in rule.hyper and not s.operands]


def elementwise_rule(rule: UpdateRule) -> bool:
    """Whether each entry is updated by itself."""
    vectors = {rule.parameter, rule.gradient, *rule.states}
    for node in topological([rule.new_parameter, *rule.new_states]):
        if any(o in vectors for o in node.operands):
            if node.shape != rule.parameter.shape:
                return False
            vectors.add(node)
    return True


def _update_plan(rule: UpdateRule, stepwise: bool) -> Plan:
    scalars = [*([rule.t] if rule.t is not None else []), *hyperparameters(rule)]
    inputs = [rule.parameter, rule.gradient, *rule.states, *scalars]
    return plan([rule.new_parameter, *rule.new_states], inputs, stepwise=stepwise)


def _keywords(rule: UpdateRule) -> list[str]:
    return [f"{s.name}={rule.hyper[str(s.name)]!r}" for s in hyperparameters(rule)]


def readable_training(writer: Readable, rule: UpdateRule) -> list[str]:
    """``update`` and ``train_step``, over one array at a time.

    Raises
    ------
    UnsupportedError
        If the rule ties entries together: then it must see all parameters at once.
    """
    if not elementwise_rule(rule):
        raise UnsupportedError(
            f"{rule.name} ties entries together; only style='fast' updates all parameters as one vector"
        )
    names = [f"new_{rule.parameter.name}", *(f"new_{s.name}" for s in rule.states)]
    update = Readable(_update_plan(rule, False), names, "update", split=False).write(rule.hyper)
    program, name = writer.plan, writer.name
    places = trained(program)
    inputs = [str(s.name) for s in program.inputs]
    parameters = [inputs[i] for i in places]
    keys = [writer.renamed[n] for n in writer.given]
    variables = _variables([*inputs, *keys], name, rule)
    sizes = [variables[n] for n in keys]
    data = [variables[n] for n in inputs if n not in parameters]
    call = [f'parameters["{n}"]' if n in parameters else variables[n] for n in inputs]
    call += [f"{n}={variables[n]}" for n in keys]
    hyper = [f"{s.name}={s.name}" for s in hyperparameters(rule)]
    states = ["*states[name]"] if rule.states else []
    passed = ["parameters[name]", "gradient", *states, *(["t"] if rule.t is not None else []), *hyper]
    target = "parameters[name], *states[name]" if rule.states else "parameters[name]"
    keywords = ["*", *sizes, *_keywords(rule)] if hyper or sizes else []
    lines = [
        f"loss, *gradients = {name}({', '.join(call)})",
        f"for name, gradient in zip({_names(parameters)}, gradients, strict=True):",
        f"    {target} = update({', '.join(passed)})",
        "return loss",
    ]
    note = f"Each of states starts as a list of {len(rule.states)} arrays of zeros; " if rule.states else ""
    doc = [
        f'"""One step of {rule.name}: change parameters (arrays by name) in place and return the loss.',
        "",
        f"{note}t is 1 at the first step." if rule.t is not None else f"{note or 'Nothing else is kept.'}".rstrip("; "),
        '"""',
    ]
    given = ["parameters", *(["states"] if rule.states else []), *(["t"] if rule.t is not None else [])]
    return [*update, _function(f"def train_step({', '.join([*data, *given, *keywords])}):", [*doc, *lines])]


def _variables(inputs: Sequence[str], name: str, rule: UpdateRule) -> dict[str, str]:
    """Variables for the inputs, apart from what a training step calls its own things."""
    own = """self run parts array view arrays dtype size flat ends tile runs start state parameters states t name
    gradient gradients loss update"""
    names = Names(frozenset([*own.split(), name, *rule.hyper]))
    return {wish: names.fresh(wish) for wish in inputs}


def _names(parameters: Sequence[str]) -> str:
    return tuple_text([f'"{p}"' for p in parameters])


def _function(head: str, lines: Sequence[str], indent: int = 0) -> str:
    text = broken(head, indent)
    for line in lines:
        inner = len(line) - len(line.lstrip())
        text += broken(line.lstrip(), indent + 4 + inner) if line else [""]
    return "\n".join(text)


def fast_training(step: Fast, rule: UpdateRule) -> tuple[list[str], set[str]]:
    """A class that owns the flat buffers of one training run, and the NumPy functions it needs."""
    update = _update_plan(rule, True)
    names = ["parameter", *(str(s.name) for s in rule.states)]
    writer = Fast(update, names, "update", "_build_update", _donors(update, 2 + len(rule.states)))
    kernels = function_sources(f for name, f in update.functions.items() if name not in step.plan.functions)
    return [*kernels, writer.built, _training_class(step, rule, bool(writer.sizes))], writer.imports


def _donors(update: Plan, vectors: int) -> dict[int, Donor]:
    """The vector that each output replaces, and how much of the way to the output can be computed in it."""
    found = {}
    for output, place in zip(update.outputs, [0, *range(2, vectors)], strict=True):
        first = update.slot_of.index(update.slot_of[output])
        found[output] = Donor(place, direct=_free(update, place, output), whole=_free(update, place, first))
    return found


def _free(update: Plan, vector: int, place: int) -> bool:
    """Whether an input's memory can be written at `place`: nothing reads the input later."""
    last = update.last_use[vector]
    return last < place or (last == place and entrywise(update.instructions[place]))


def _training_class(writer: Fast, rule: UpdateRule, sized: bool) -> str:
    program, name = writer.plan, writer.name
    places = trained(program)
    declared = [str(s.name) for s in program.inputs]
    keys = [writer.renamed[n] for n in writer.given]
    variables = _variables([*declared, *keys], name, rule)
    inputs, sizes = [variables[n] for n in declared], [variables[n] for n in keys]
    parameters = [inputs[i] for i in places]
    data = [n for n in inputs if n not in parameters]
    call = [f"self.parameters[{parameters.index(n)}]" if n in parameters else n for n in inputs]
    call += [f"{n}={variables[n]}" for n in keys]
    keywords = ["*", *sizes, *_keywords(rule)] if rule.hyper or sizes else []
    passed = ["*parts", *(["self.t"] if rule.t is not None else []), *(str(s.name) for s in hyperparameters(rule))]
    tile = f"min(size, {TILE})" if elementwise_rule(rule) else "size"
    init = [
        f"arrays = [np.asarray(x) for x in ({', '.join(parameters)}{',' if len(parameters) == 1 else ''})]",
        "dtype = np.result_type(*arrays)",
        "size = sum(x.size for x in arrays)",
        f"flat = [_empty((size,), dtype) for _ in range({2 + len(rule.states)})]",
        *(["for state in flat[2:]:", "    state.fill(0)"] if rule.states else []),
        "ends = np.cumsum([x.size for x in arrays])",
        "self.flat = flat",
        "self.parameters, self.gradients = (",
        "    [flat[i][e - x.size : e].reshape(x.shape) for x, e in zip(arrays, ends, strict=True)]",
        "    for i in (0, 1)",
        ")",
        "for view, array in zip(self.parameters, arrays, strict=True):",
        "    view[...] = array",
        "self.loss = np.empty((), dtype)",
        "self.t = 0",
        f"tile = max(1, {tile})",
        f"runs = {{n: _build_update(dtype{', n' if sized else ''}) for n in {{tile, size % tile}}}}",
        "self.updates = []",
        "for start in range(0, size, tile):",
        "    parts = [x[start : start + tile] for x in flat]",
        "    self.updates.append((runs[len(parts[0])], parts))",
    ]
    step = [
        '"""Update the parameters once and return the loss."""',
        f"{name}({', '.join([*call, 'out=[self.loss, *self.gradients]'])})",
        "self.t += 1",
        "for run, parts in self.updates:",
        f"    run({', '.join(passed)})",
        "return self.loss.copy()",
    ]
    lines = [
        "class Training:",
        f'    """One training run with {rule.name}.',
        "",
        "    The arrays of flat hold parameters, gradients and states; parameters and gradients are views.",
        '    """',
        "",
        _function(f"def __init__({', '.join(['self', *parameters])}):", init, 4),
        "",
        _function(f"def train_step({', '.join(['self', *data, *keywords])}):", step, 4),
    ]
    return "\n".join(lines)
