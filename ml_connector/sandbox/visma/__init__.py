"""A Visma.net ERP that keeps the vendor's documented and observed rules, for tests and the demo.

    world.py        everything it holds: companies, clients, tokens, jobs, violations, call counts
    company.py      one company's master data        documents.py   orders, receipts, journals
    seed.py         a good company to start from      switches.py    behaviours that can be chosen
    app.py          the HTTP surface                  control.py     the operator's /sandbox routes

Where Visma's behaviour is not known, a switch offers the possibilities and its docstring says so.
"""
