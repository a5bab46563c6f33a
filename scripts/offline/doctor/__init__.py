"""The doctor: why does nothing happen? It looks at every hop of a photo, on AWS and offline.

It changes nothing: it lists, describes and gets, and takes no message out of the failure queue.
On AWS one of its calls costs money: DetectFaces on the reference photo, billed as one image.
"""
