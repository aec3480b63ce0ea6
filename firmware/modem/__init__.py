"""SIM800 and SIM7000 modems: AT channel, drivers, SMS PDUs, the UDP link and the SMS link."""
