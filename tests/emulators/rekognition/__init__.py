"""The emulated Rekognition as a process of its own, called with boto3; AWS is a stand-in."""
