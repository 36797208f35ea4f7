"""What Streamlit runs, anew for every change: the page."""

from atelier.studio.page import show

show()
