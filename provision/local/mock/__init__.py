"""Azure OpenAI on localhost: chat, completions, embeddings and responses, with quota, latency and faults.

`routes`, `parameters` and `access` read and check a request; `tripcurve.quota` and `latency` decide whether and when it
is answered; `answers` and `errors` make the body. `service` joins them, and `process` and `serve` run it.
"""
