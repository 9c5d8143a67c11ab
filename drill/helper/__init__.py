"""The programs of the helper image, which work inside a target's network name space. They use the standard library and
the tools ``iptables``, ``ip`` and ``tc`` only, and import nothing of the rest of drill: the image holds nothing else.

One program, one argument: an order (JSON in base64, so that a list of processes tells no player what it is about).
Its answer is one line of JSON; a keeper says ``ready`` instead, and stays.
"""
