"""The 48×27 pictures of a finished file's frames, as `prepare` makes them of a master's."""

import re
from pathlib import Path
from typing import Any

import av
from av.filter import Graph

# What ffmpeg does by itself where it is not told to leave pictures as they are coded.
TURNS = {0: "", 90: "transpose=clock,", 180: "hflip,vflip,", 270: "transpose=cclock,"}


def write_looks(path: Path, out: Path, *, filters: str, threads: int) -> None:
    """Decode a file that was written here, all of it, and write its pictures as `filters` make them."""
    with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container, out.open("wb") as file:
        stream = container.streams.video[0]
        stream.codec_context.thread_count, stream.codec_context.thread_type = threads, "AUTO"
        graph: Any = None
        for frame in container.decode(stream):
            if graph is None:
                graph = _graph(stream, filters)
            graph.vpush(frame)
            file.write(graph.vpull().to_ndarray().tobytes())


def _graph(stream: Any, chain: str) -> Graph:
    """A chain of filters, as text the same for ffmpeg: `name=arguments` between commas, which quotes may hold."""
    graph = Graph()
    filters = [text.partition("=") for text in re.findall(r"(?:'[^']*'|[^,'])+", chain)]
    nodes = [graph.add_buffer(template=stream), *(graph.add(name, args or None) for name, _, args in filters)]
    graph.link_nodes(*nodes, graph.add("buffersink")).configure()
    return graph
