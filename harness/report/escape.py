"""Text as each format wants it, so that no label is taken for a command."""

_TEX = {
    "±": r"$\pm$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "τ": r"$\tau$",
    "²": "$^2$",
    "⁹": "$^9$",
    "–": "--",
    "×": r"$\times$",
}
_FORMULA_STARTS = ("=", "+", "-", "@", "\t")


def markdown(text: str) -> str:
    """Escape what opens a cell or a tag."""
    return text.replace("|", r"\|").replace("<", "&lt;")


def latex(text: str) -> str:
    """Escape the signs of LaTeX in a caption."""
    return text.replace("%", r"\%").replace("&", r"\&").replace("_", r"\_").replace("#", r"\#")


def latex_signs(text: str) -> str:
    """Write signs that are not ASCII as commands."""
    for sign, command in _TEX.items():
        text = text.replace(sign, command)
    return text


def spreadsheet(text: str) -> str:
    """Keep a spreadsheet from taking text for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
