"""One vendor's wire format a file, all behind `base.Provider`."""
