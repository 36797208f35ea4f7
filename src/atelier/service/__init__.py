"""Pictures over HTTP: jobs in a database, worker processes that take them by lease, files in a folder or in object storage.

    server     app (routes) -> asked (fields to a request) -> store (jobs), files (bytes), keys (who may)
    worker     store.take -> run.make, through a resolver that knows uploads alone -> files, store.finish

The server decodes nothing: pictures are opened in workers, whose memory and time the system bounds.
"""
