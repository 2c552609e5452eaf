"""Shell text in, the Commands that it would run out.

`parse` reads a text into a Script, `facts` finds its Commands, and the modules beside them answer questions about words: their
expansion, quoting, the host that an ssh command leads to, the secrets in them. It runs nothing and reads no file (but the parser's
table cache), and knows no rule, plan or queue.
"""
