"""Visma.net ERP, as the connector needs it.

client.py       the whole client            errors.py    every way a call can fail
orders.py, receipts.py, journals.py, background.py       documents, read and written
parties.py, goods.py, books.py, periods.py, projects.py  master data, read only
cursor.py       discovery's cursor, pure    paging.py    whole lists or an error
tokens.py       Visma Connect               limits.py    what a reply says of the hour's calls
budget.py       those calls, shared out
calls.py        one call                    replies.py   what an error reply means
wire.py, documents.py, conversion.py        from JSON to values
fields.py       custom free fields          filters.py   filters that were obeyed
records.py      values the domain has not
"""
