"""Azure OpenAI on localhost: chat, completions, embeddings and responses, with quota, latency and faults.

`routes`, `asked` and `access` take a request apart, `quota` and `latency` say whether and when it is answered,
`answers` and `errors` say what; `service` joins them, `process` and `serve` run it.
"""
