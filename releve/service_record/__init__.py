"""What came and how it was served, per programme and interval: calls, waits, agents signed in.

Filed from interval statistics (files in a folder, or the API) and from the call records of a SIP
proxy; what no source reported is not known, and never zero.
"""
