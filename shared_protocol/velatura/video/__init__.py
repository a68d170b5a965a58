"""Videos: frames in, the same clip out, painted so that it holds still where it should.

    reading   a clip's facts, its scenes, and its frames as arrays
    scenes    where one scene ends, and a picture that stands for the whole of one
    flow      where everything was in the frame before, and how sure that is
    steady    a frame's painting, held to the one before
    track     strength and styles over time, from JSON
    writing   frames out, second by second, then one file with the sound
    painting  all of it: `paint`
    camera    the same as a camera films

Needs PyAV and OpenCV, the extra `video`; imported when a video is asked for.
"""
