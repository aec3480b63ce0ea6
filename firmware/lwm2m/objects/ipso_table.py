"""The definitions of the IPSO Objects, for `lwm2m.objects.ipso.define`.

Written by `python -m tools.objects --ipso`; not to be changed by hand.
"""

# Rows as in lwm2m.object. The same resource may have several, as it is mandatory or not.
_ROWS = (
    b"\x15\x7c\x01\x05"  # 5500 Digital Input State
    b"\x15\x7c\x11\x05"  # 5500 Digital Input State
    b"\x15\x7d\x01\x02"  # 5501 Digital Input Counter
    b"\x15\x7e\x03\x05"  # 5502 Digital Input Polarity
    b"\x15\x7f\x03\x02"  # 5503 Digital Input Debounce
    b"\x15\x80\x03\x02"  # 5504 Digital Input Edge Selection
    b"\x15\x81\x04\x00"  # 5505 Digital Input Counter Reset
    b"\x15\x82\x13\x07"  # 5506 Current Time
    b"\x15\x83\x03\x04"  # 5507 Fractional Time
    b"\x15\x84\x01\x04"  # 5508 Min X Value
    b"\x15\x85\x01\x04"  # 5509 Max X Value
    b"\x15\x86\x01\x04"  # 5510 Min Y Value
    b"\x15\x87\x01\x04"  # 5511 Max Y Value
    b"\x15\x88\x01\x04"  # 5512 Min Z Value
    b"\x15\x89\x01\x04"  # 5513 Max Z Value
    b"\x15\x8d\x01\x06"  # 5517 Velocity
    b"\x15\x8e\x01\x07"  # 5518 Timestamp
    b"\x15\x8f\x01\x04"  # 5519 Min Limit
    b"\x15\x90\x01\x04"  # 5520 Max Limit
    b"\x15\x91\x03\x04"  # 5521 Delay Duration
    b"\x15\x91\x13\x04"  # 5521 Delay Duration
    b"\x15\x92\x13\x06"  # 5522 Clip
    b"\x15\x93\x04\x00"  # 5523 Trigger
    b"\x15\x94\x03\x04"  # 5524 Duration
    b"\x15\x95\x03\x04"  # 5525 Minimum Off-time
    b"\x15\x95\x13\x04"  # 5525 Minimum Off-time
    b"\x15\x96\x03\x02"  # 5526 Timer Mode
    b"\x15\x97\x13\x01"  # 5527 Text
    b"\x15\x98\x03\x02"  # 5528 X Coordinate
    b"\x15\x99\x03\x02"  # 5529 Y Coordinate
    b"\x15\x9a\x04\x00"  # 5530 Clear Display
    b"\x15\x9b\x03\x04"  # 5531 Contrast
    b"\x15\x9c\x11\x05"  # 5532 Increase Input State
    b"\x15\x9d\x11\x05"  # 5533 Decrease Input State
    b"\x15\x9e\x03\x02"  # 5534 Counter
    b"\x15\xa0\x13\x04"  # 5536 Current Position
    b"\x15\xa1\x03\x04"  # 5537 Transition Time
    b"\x15\xa2\x01\x04"  # 5538 Remaining Time
    b"\x15\xa5\x03\x02"  # 5541 Up Counter
    b"\x15\xa6\x03\x02"  # 5542 Down Counter
    b"\x15\xa7\x01\x05"  # 5543 Digital State
    b"\x15\xa8\x03\x04"  # 5544 Cumulative Time
    b"\x15\xa9\x01\x02"  # 5545 Max X Coordinate
    b"\x15\xaa\x01\x02"  # 5546 Max Y Coordinate
    b"\x15\xab\x11\x02"  # 5547 Multi-state Input
    b"\x15\xac\x03\x04"  # 5548 Level
    b"\x15\xac\x13\x04"  # 5548 Level
    b"\x15\xe1\x01\x04"  # 5601 Min Measured Value
    b"\x15\xe2\x01\x04"  # 5602 Max Measured Value
    b"\x15\xe3\x01\x04"  # 5603 Min Range Value
    b"\x15\xe4\x01\x04"  # 5604 Max Range Value
    b"\x15\xe5\x04\x00"  # 5605 Reset Min and Max Measured Values
    b"\x16\x44\x11\x04"  # 5700 Sensor Value
    b"\x16\x45\x01\x01"  # 5701 Sensor Units
    b"\x16\x46\x01\x04"  # 5702 X Value
    b"\x16\x46\x11\x04"  # 5702 X Value
    b"\x16\x47\x01\x04"  # 5703 Y Value
    b"\x16\x48\x01\x04"  # 5704 Z Value
    b"\x16\x49\x01\x04"  # 5705 Compass Direction
    b"\x16\x49\x11\x04"  # 5705 Compass Direction
    b"\x16\x4a\x03\x01"  # 5706 Colour
    b"\x16\x4a\x13\x01"  # 5706 Colour
    b"\x16\x76\x03\x01"  # 5750 Application Type
    b"\x16\x77\x01\x01"  # 5751 Sensor Type
    b"\x16\xa8\x11\x04"  # 5800 Instantaneous active power
    b"\x16\xa9\x01\x04"  # 5801 Min Measured active power
    b"\x16\xaa\x01\x04"  # 5802 Max Measured active power
    b"\x16\xab\x01\x04"  # 5803 Min Range active power
    b"\x16\xac\x01\x04"  # 5804 Max Range active power
    b"\x16\xad\x01\x04"  # 5805 Cumulative active power
    b"\x16\xae\x02\x04"  # 5806 Active Power Calibration
    b"\x16\xb2\x01\x04"  # 5810 Instantaneous reactive power
    b"\x16\xb3\x01\x04"  # 5811 Min Measured reactive power
    b"\x16\xb4\x01\x04"  # 5812 Max Measured reactive power
    b"\x16\xb5\x01\x04"  # 5813 Min Range reactive power
    b"\x16\xb6\x01\x04"  # 5814 Max Range reactive power
    b"\x16\xb7\x01\x04"  # 5815 Cumulative reactive power
    b"\x16\xb8\x02\x04"  # 5816 Reactive Power Calibration
    b"\x16\xbc\x01\x04"  # 5820 Power factor
    b"\x16\xbd\x03\x04"  # 5821 Current Calibration
    b"\x16\xbe\x04\x00"  # 5822 Reset Cumulative energy
    b"\x16\xbf\x13\x01"  # 5823 Event Identifier
    b"\x16\xc0\x13\x07"  # 5824 Start Time
    b"\x16\xc1\x13\x02"  # 5825 Duration In Min
    b"\x16\xc2\x03\x02"  # 5826 Criticality Level
    b"\x16\xc3\x03\x02"  # 5827 Avg Load AdjPct
    b"\x16\xc4\x03\x02"  # 5828 Duty Cycle
    b"\x16\xda\x03\x05"  # 5850 On/Off
    b"\x16\xda\x13\x05"  # 5850 On/Off
    b"\x16\xdb\x03\x02"  # 5851 Dimmer
    b"\x16\xdc\x03\x02"  # 5852 On time
    b"\x16\xdd\x03\x01"  # 5853 Multi-state Output
    b"\x16\xde\x03\x02"  # 5854 Off Time
    b"\x17\x0c\x13\x04"  # 5900 Set Point Value
    b"\x17\x0f\x03\x02"  # 5903 Busy to Clear delay
    b"\x17\x10\x03\x02"  # 5904 Clear to Busy delay
    b"\x17\x16\x11\x02"  # 5910 Bitmap Input
    b"\x17\x17\x04\x00"  # 5911 Bitmap Input Reset
    b"\x17\x18\x0b\x01"  # 5912 Element Description
    b"\x17\x9a\x01\x02"  # 6042 Measurement Quality Indicator
    b"\x17\xa1\x01\x02"  # 6049 Measurement Quality Level
    b"\x17\xa2\x01\x04"  # 6050 Fractional Timestamp
    b"\x17\xa3\x11\x04"  # 6051 Numeric Latitude
    b"\x17\xa4\x11\x04"  # 6052 Numeric Longitude
    b"\x17\xa5\x01\x04"  # 6053 Numeric Uncertainty
)

# An Object each: its id - 3200; 0, 64 or 128 for version 1.0, 1.1 or 2.0, added to the number of
# its rows; their indices. Where that number is 0, the id - 3200 of the Object with the same rows.
_OBJECTS = (
    b"\x00\x4a\x01\x02\x03\x04\x05\x06\x10\x3e\x3f\x65"  # 3200 Digital Input
    b"\x64\x4d\x10\x2f\x30\x31\x32\x33\x34\x35\x3e\x3f\x63\x64\x65"  # 3300 Generic Sensor
    b"\x65\x4c\x10\x2f\x30\x31\x32\x33\x34\x35\x3e\x63\x64\x65"  # 3301 Illuminance
    b"\x66\x4b\x01\x02\x06\x10\x3e\x3f\x5e\x5f\x63\x64\x65"  # 3302 Presence
    b"\x67\x40\x65"  # 3303 Temperature
    b"\x68\x40\x65"  # 3304 Humidity
    b"\x69\x57\x10\x33\x3e\x40\x41\x42\x43\x44\x45\x46\x47\x48"  # 3305 Power Measurement
    b"\x49\x4a\x4b\x4c\x4d\x4e\x4f\x50\x63\x64\x65"
    b"\x6a\x47\x10\x3e\x58\x59\x5a\x5b\x65"  # 3306 Actuation
    b"\x6c\x46\x10\x35\x3c\x3e\x5d\x65"  # 3308 Set Point
    b"\x6e\x49\x10\x3e\x51\x52\x53\x54\x55\x56\x65"  # 3310 Load Control
    b"\x6f\x08\x35\x3c\x3e\x45\x4e\x58\x59\x5a"  # 3311 Light Control
    b"\x70\x48\x10\x3e\x45\x4e\x58\x59\x5a\x65"  # 3312 Power Control
    b"\x71\x4b\x10\x31\x32\x35\x37\x38\x39\x3e\x63\x64\x65"  # 3313 Accelerometer
    b"\x72\x4a\x10\x35\x37\x38\x39\x3a\x3e\x63\x64\x65"  # 3314 Magnetometer
    b"\x73\x40\x65"  # 3315 Barometer
    b"\x74\x4d\x10\x2f\x30\x31\x32\x33\x34\x35\x3e\x4f\x63\x64\x65"  # 3316 Voltage
    b"\x75\x40\x74"  # 3317 Current
    b"\x76\x40\x74"  # 3318 Frequency
    b"\x77\x40\x74"  # 3319 Depth
    b"\x78\x40\x74"  # 3320 Percentage
    b"\x79\x40\x74"  # 3321 Altitude
    b"\x7a\x40\x74"  # 3322 Load
    b"\x7b\x40\x74"  # 3323 Pressure
    b"\x7c\x40\x74"  # 3324 Loudness
    b"\x7d\x40\x74"  # 3325 Concentration
    b"\x7e\x40\x74"  # 3326 Acidity
    b"\x7f\x40\x74"  # 3327 Conductivity
    b"\x80\x40\x74"  # 3328 Power
    b"\x81\x40\x74"  # 3329 Power Factor
    b"\x82\x40\x74"  # 3330 Distance
    b"\x83\x48\x10\x34\x35\x3e\x50\x63\x64\x65"  # 3331 Energy
    b"\x84\x49\x10\x2f\x30\x33\x3b\x3e\x63\x64\x65"  # 3332 Direction
    b"\x85\x45\x07\x08\x3e\x63\x64"  # 3333 Time
    b"\x86\x52\x09\x0a\x0b\x0c\x0d\x0e\x10\x31\x32\x33\x35\x37"  # 3334 Gyrometer
    b"\x38\x39\x3e\x63\x64\x65"
    b"\x87\x47\x10\x35\x3d\x3e\x63\x64\x65"  # 3335 Colour
    b"\x88\x8a\x0f\x10\x3a\x3e\x63\x64\x65\x66\x67\x68"  # 3336 Location
    b"\x89\x4b\x10\x11\x12\x23\x24\x25\x2f\x30\x33\x3e\x65"  # 3337 Positioner
    b"\x8a\x47\x10\x13\x19\x2d\x3e\x58\x65"  # 3338 Buzzer
    b"\x8b\x05\x15\x16\x17\x2d\x3e"  # 3339 Audio Clip
    b"\x8c\x0b\x02\x14\x16\x18\x1a\x22\x25\x28\x29\x3e\x57"  # 3340 Timer
    b"\x8d\x09\x1b\x1c\x1d\x1e\x1f\x2a\x2b\x2d\x3e"  # 3341 Addressable Text Display
    b"\x8e\x47\x01\x02\x10\x3e\x5a\x5c\x65"  # 3342 On/Off switch
    b"\x8f\x04\x2e\x3e\x5a\x5c"  # 3343 Dimmer
    b"\x90\x05\x20\x21\x26\x27\x3e"  # 3344 Up/Down Control
    b"\x91\x06\x00\x02\x36\x38\x39\x3e"  # 3345 Multiple Axis Joystick
    b"\x92\x40\x74"  # 3346 Rate
    b"\x93\x45\x01\x02\x10\x3e\x65"  # 3347 Push button
    b"\x94\x44\x10\x2c\x3e\x65"  # 3348 Multi-state Selector
    b"\x95\x46\x10\x3e\x60\x61\x62\x65"  # 3349 Bitmap
)


def find(object_id: int) -> "tuple | None":
    """Return (version, table of the resources) of an Object, None for one that is not there."""
    wanted = object_id - 3200
    version = None
    at = 0
    while at < len(_OBJECTS):
        count = _OBJECTS[at + 1] & 63
        if _OBJECTS[at] == wanted:
            version = version or ("1.0", "1.1", "2.0")[_OBJECTS[at + 1] >> 6]
            if count:
                table = bytearray()
                for index in _OBJECTS[at + 2 : at + 2 + count]:
                    table += _ROWS[4 * index : 4 * index + 4]
                return version, bytes(table)
            wanted = _OBJECTS[at + 2]
            at = 0
        else:
            at += 2 + (count or 1)
    return None
