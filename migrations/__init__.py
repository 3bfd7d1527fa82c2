"""The databases' schemas, as steps that were released and are never edited again."""
