"""
Sockets that speak the words of one system. A dialect renders the events of the engine and keeps no state of a job.
"""
