"""
The Centrifugo protocol on top of the hub: sessions of clients, emulation for transports without sockets, the server API.
"""
