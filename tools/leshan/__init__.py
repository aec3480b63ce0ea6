"""Eclipse Leshan as an LwM2M server and as a bootstrap server, for the interoperability tests.

server/ and bootstrap/ are small Java programs around Leshan's libraries, each with the versions it
needs in its pom.xml; they speak JSON lines. build.py fetches the libraries and compiles the
programs, program.py runs one.
"""
