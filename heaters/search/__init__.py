"""Search: texts, images and clips → the nearest clips by cosine, within one embedding space.

    search = Search(database, settings)
    page = search.run(Query(terms=(Term.text("a lion"), Term.text("grass", weight=-0.5)), k=10))
    more = search.run(replace(query, cursor=page.next))

What the command, the UI and the Serve replica share; it does not know who asks.
"""

from heaters.search.engine import Search
from heaters.search.query import MAX_K, Filters, Query, Term
from heaters.search.remote import RemoteEmbedder
from heaters.search.results import Hit, Page
from heaters.search.spaces import Space
from heaters.search.target import QueryEmbedder

__all__ = ["MAX_K", "Filters", "Hit", "Page", "Query", "QueryEmbedder", "RemoteEmbedder", "Search", "Space", "Term"]
