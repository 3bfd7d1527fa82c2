"""The protocol's ground floor: what client, broker and key holder must compute alike, and what anyone can verify.

Pure: no clock, file, network, database or environment. Randomness arrives as `random: Callable[[int], bytes]`, time as
a value. Everything that checks raises a `ProtocolError`; nothing answers False. Imports nothing of ours outside itself.
"""
