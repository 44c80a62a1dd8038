"""The payments and business-banking core that a fintech team runs itself."""
