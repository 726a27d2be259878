"""`make bench`: everything that is measured so far."""

from bench import stop

print("Stop: from the call to the vendor's seeing its connection closed")
stop.main()
