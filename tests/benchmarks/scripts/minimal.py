"""The least that asks one workspace for its tokens: requests, JSON, print. The yardstick of a one-shot statement."""

import sys

import requests

with requests.Session() as session:
    reply = session.get(sys.argv[1], headers={"Authorization": f"Bearer {sys.argv[2]}"}, timeout=30)
    for token in reply.json()["token_infos"]:
        print(f"{token['token_id']},{token['comment']}")
