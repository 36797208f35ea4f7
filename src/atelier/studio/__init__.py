"""The studio: painting in a browser. A face on the one way through the house, served by Streamlit.

`server` serves it; `page` is what Streamlit shows; `visits` holds what each visitor has here; `workshop` does the work in threads;
`uploads` is the resolver: a visitor's own pictures and the styles by name, nothing else of this machine.
"""
