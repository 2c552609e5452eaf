"""Shell text in, the Commands that it would run out.

`parse` reads a text into a Script (`syntax`), and `commands` finds its Commands (`model`) with the help of `arguments`,
`wrappers`, `detaching`, `ssh_arguments` and `nested`. The other modules answer questions about words: their expansion,
quoting, the host that an ssh command connects to, the secrets in them. The package runs nothing, reads no file (except
the cache of the parser's tables), and knows no rule, plan or queue.
"""
