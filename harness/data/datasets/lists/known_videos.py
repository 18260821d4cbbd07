"""Videos that a root lists with their classes, for lists that name no class or no path."""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path

from harness.data.datasets.file_names import composed, normalise_path
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists.clip_names import check_split, check_youtube_id, clip_name
from harness.data.datasets.lists.labels import Labels
from harness.data.datasets.lists.rows import Row
from harness.data.video import Video


class KnownVideos:
    """Videos of known class, and the rows and annotations of a list that name one.

    Args:
        videos: Lists them; called only for a list that lacks labels or paths.
        tree: The root, which holds all videos.
        labels: Of the list.
        identity: Function from a path as written to an id.
        alias: Function from an id to another name that a list may use.
    """

    def __init__(
        self,
        videos: Callable[[], Iterable[Video]],
        tree: FolderTree,
        labels: Labels,
        *,
        identity: Callable[[str], str],
        alias: Callable[[str], str],
    ) -> None:
        self.videos = videos
        self.tree = tree
        self.labels = labels
        self.identity = identity
        self.alias = alias
        self.num_unknown = 0

    def check(self, file: Path) -> None:
        """Check that the root lists its videos with their classes, which a list needs.

        Raises:
            ValueError: If it does not.
        """
        try:
            len(self._by_path)
        except ValueError as error:
            raise ValueError(
                f"{file} does not say the class or the path of a video: {error}"
            ) from None

    def labelled(self, base: Path, row: Row) -> Video:
        """Return the video of a row with a label.

        Raises:
            ValueError: If its path or its label is wrong.
        """
        path = self.tree.resolve(base, row.name)
        name = self.identity(self._below(base, row.name))
        return Video(id=name, path=path, labels=(self.labels.parse(row.label),))

    def bare(self, base: Path, name: str) -> Video:
        """Return the video of a row without a label.

        Raises:
            ValueError: If its class is not known.
        """
        path = self.tree.resolve(base, name)
        video = self._by_path.get(path) or self._find(name)
        if video is not None:
            return video
        below = self._below(base, name)
        label = self.labels.of_folder(below)
        if label is None:
            self.num_unknown += 1
            raise ValueError(
                f"{name!r} has no label, and is neither the path nor the id of a video whose class "
                "is known"
            )
        return Video(id=self.identity(below), path=path, labels=(label,))

    def _below(self, base: Path, name: str) -> str:
        """Return the path of a name below its folder, with accents composed as on the disk."""
        folder, below = self.tree.locate(base, name)
        path = normalise_path(below)
        if path.isascii():
            return path
        return self.tree.spell(folder / path).relative_to(folder).as_posix()

    def clip(self, row: Mapping[str, str], split: str) -> Video:
        """Return the video of an annotation of Kinetics; a missing one lies in a class folder.

        Raises:
            ValueError: If the annotation is wrong.
        """
        source, clip = check_youtube_id(row["youtube_id"]), clip_name(row)
        check_split(row, split)
        label = self.labels.parse(row["label"])
        video = self._find(clip) or self._find(source)
        if video is not None:
            return Video(id=video.id, path=video.path, labels=(label,))
        below = f"{self.labels.names[label] if self.labels.names else label}/{clip}.mp4"
        path = self.tree.resolve(self.tree.root, below)
        return Video(id=self.identity(below), path=path, labels=(label,))

    @cached_property
    def _by_path(self) -> dict[Path, Video]:
        return {video.path: video for video in self.videos()}

    @cached_property
    def _by_name(self) -> dict[str, Video | None]:
        """Videos by other names; None where several have one."""
        videos: dict[str, Video | None] = {}
        for video in self._by_path.values():
            names = {video.id, video.path.name, video.path.stem, self.alias(video.id)}
            for name in map(composed, names):
                if videos.setdefault(name, video) is not video:
                    videos[name] = None
        return videos

    def _find(self, name: str) -> Video | None:
        """Return the video of an id, or of the name of a file; None if it is not known.

        Raises:
            ValueError: If several videos have the name.
        """
        form = composed(name)
        if form in self._by_name and self._by_name[form] is None:
            raise ValueError(f"{name!r} is the name of several videos; write a path")
        return self._by_name.get(form)
