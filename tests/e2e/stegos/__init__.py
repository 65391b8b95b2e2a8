"""An independent reading of the Stegos protocol, written from the protocol reference alone.

The end-to-end tests judge the service with it. Nothing here is shared with the C++ code: when the two
disagree about a byte, one of them is wrong, and that is the point.
"""
