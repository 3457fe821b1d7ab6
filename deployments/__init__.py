"""The Serve endpoint: text or pictures in, vectors or matching clips out, over HTTP.

`app` is the FastAPI application, which knows no Ray; `serving` puts it on Ray Serve; `serve.yaml` is production.
"""

from heaters.threads import be_frugal

be_frugal()  # on import: a replica's first, before it loads numpy and torch
