"""Text escaped for Markdown, LaTeX and spreadsheets, so that no label acts as a command."""

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
    """Escape the signs that open a cell or a tag."""
    return text.replace("|", r"\|").replace("<", "&lt;")


def latex(text: str) -> str:
    """Escape the special characters of LaTeX in a caption."""
    return text.replace("%", r"\%").replace("&", r"\&").replace("_", r"\_").replace("#", r"\#")


def latex_signs(text: str) -> str:
    """Replace non-ASCII signs by LaTeX commands."""
    for sign, command in _TEX.items():
        text = text.replace(sign, command)
    return text


def spreadsheet(text: str) -> str:
    """Quote text that a spreadsheet would read as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
