"""What was typed wrongly, in our own words."""

import typer
from typer.core import TyperGroup

from backend.core.errors import Invalid


class Commands(TyperGroup):
    """A group of commands that refuses a wrong value in one line, as all else is refused."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # its public name
        """Run the command. Raises Invalid for a value that it does not take, or that is missing."""
        try:
            result: object = super().invoke(ctx)
        except typer.BadParameter as error:
            raise Invalid(sentence(error), code="option.invalid") from error
        return result


def sentence(error: typer.BadParameter) -> str:
    """What is wrong with which option or argument, and where its command is described."""
    name = error.param.get_error_hint().split(" / ")[0].strip("'{}") if error.param else "value"
    command = error.ctx.command_path if error.ctx else "hsi"
    return f"{name}: {_fault(error)} (`{command} -h` describes it)"


def _fault(error: typer.BadParameter) -> str:
    from pydantic import ValidationError

    from backend.core.input_words import words_of

    if isinstance(error.__cause__, ValidationError):
        return words_of(error.__cause__.errors()[0]).removesuffix(".")
    return error.message or "is missing"
