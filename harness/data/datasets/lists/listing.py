"""Videos of several splits, gathered from lists and folders."""

from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists.text_rows import RowErrors
from harness.data.video import Video


class Listing:
    """Videos by id: a repeated one counts once, and a contradiction is an error."""

    def __init__(self) -> None:
        self.entries: dict[str, tuple[str, Video]] = {}
        self.repeated = 0

    def add(self, split: str, video: Video) -> None:
        """Add a video.

        Raises:
            ValueError: If it is already listed in another split, with other labels or another path.
        """
        first_split, first_video = self.entries.setdefault(video.id, (split, video))
        if first_video is video:
            return
        if first_split != split:
            raise ValueError(f"{video.id!r} is in split {first_split!r} already: a leak")
        if first_video.labels != video.labels:
            label = video.label
            raise ValueError(
                f"{video.id!r} has label {label}, but had label {first_video.label} before"
            )
        if first_video.path != video.path:
            raise ValueError(f"{video.id!r} is {video.path}, but was {first_video.path} before")
        self.repeated += 1

    def add_file(self, split: str, video: Video, tree: FolderTree, errors: RowErrors) -> None:
        """Add a video from a folder, or its error."""
        try:
            tree.check_inside(video.path)
            self.add(split, video)
        except ValueError as error:
            errors.add(repr(tree.name(video.path)), error)

    def videos(self, split: str) -> list[Video]:
        """Return the videos of a split, in the order of their addition."""
        return [video for listed_split, video in self.entries.values() if listed_split == split]
