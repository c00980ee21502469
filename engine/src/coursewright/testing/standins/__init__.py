"""Remote services as they really behave, on loopback: for the tests of providers, ours and strangers'.

Needs `coursewright[testing]`.
"""
