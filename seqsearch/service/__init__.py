"""The service: indexes over HTTP, and a page to look at neighbours.

    limits.py, problems.py, tokens.py   what may be asked, what is said when it may not, and by whom
    hosted.py, engine.py, questions.py  an open index, the one thread that searches, and what it is given
    asking.py, answering.py             requests as sequences, answers as JSON
    app.py and *_routes.py              the HTTP interface; guard.py stands before it
    client.py                           the other end: `seqsearch.Client`

FastAPI and uvicorn are an extra (`pip install 'seqsearch[serve]'`); the client needs neither.
"""
