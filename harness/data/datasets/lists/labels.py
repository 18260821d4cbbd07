"""Labels of the rows of a list: numbers, or names of classes."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from harness.data.datasets import class_names
from harness.data.datasets.lists import text_rows


class Labels:
    """Labels of the rows of a list: all are numbers, or all are names of classes.

    Args:
        classes: Names by label, or the number of classes; None if neither is known.
    """

    def __init__(self, classes: int | Sequence[str] | None) -> None:
        self.names = () if classes is None or isinstance(classes, int) else tuple(classes)
        self.count = classes if isinstance(classes, int) else len(self.names) or None
        self.by_spelling = class_names.labels_by_spelling(self.names)
        self.by_name = {name: label for label, name in enumerate(self.names)}
        self.numbered: bool | None = None

    def parse(self, text: str) -> int:
        """Return the label that a name or a number stands for.

        Raises:
            ValueError: If it is neither, or the rows before it have the other kind.
        """
        # Names may be numbers, of folders for example; their order is not that of the numbers.
        numbered = text_rows.is_number(text) and text not in self.by_name
        if self.numbered is None:
            self.numbered = numbered
        if self.numbered or not self.names:
            return text_rows.parse_label(text, self.count)
        return class_names.find_label(text, self.by_spelling, self.names)

    def of_folder(self, path: str) -> int | None:
        """Return the label of the innermost folder of a path with the name of a class."""
        for folder in PurePosixPath(path).parents:
            label = self.by_spelling.get(folder.name)
            if label is None:
                label = self.by_spelling.get(class_names.normalise(folder.name))
            if label is not None:
                return label
        return None
