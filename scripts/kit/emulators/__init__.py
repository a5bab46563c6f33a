"""AWS, X, Rekognition and the instance, emulated on 127.0.0.1."""
