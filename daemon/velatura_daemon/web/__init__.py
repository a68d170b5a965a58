"""The page that `velatura web` serves: a visitor's picture, styles and controls in a browser.

    serve      Streamlit behind a door that asks for the token
    page       what is shown, top to bottom; Streamlit runs it anew at every touch
    controls   a recipe's fields as controls, from the table that the editors read too
    visitor    one session: its connection, its pictures, its running job
    widgets    what Streamlit lacks: drawing a mask, comparing before and after

and, for `velatura webcam`, which needs none of these:

    screen     frames as they are made, at one address

Needs Streamlit, the extra `web`. Nothing here knows a network: every visitor is a client of the daemon.
"""
