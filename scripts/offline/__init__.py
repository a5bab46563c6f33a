"""Offline mode: AWS, X and Rekognition emulated on 127.0.0.1, one file or package per party."""
